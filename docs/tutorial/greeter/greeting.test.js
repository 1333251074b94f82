'use strict';
const test = require('node:test');
const assert = require('node:assert');
const { greeting } = require('./greeting.js');

test('greets by name', () => assert.equal(greeting('Anna', '3 min\n'), 'Hello Anna, this node is up for 3 min.\n'));
test('greets the world without a name', () => assert.match(greeting('', '1 h 2 min'), /^Hello world, /));
