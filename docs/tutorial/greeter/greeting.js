'use strict';

// "Hello Anna, ...": the page of a visitor's name and of what the uptime service said.
exports.greeting = (name, uptime) => `Hello ${name || 'world'}, this node is up for ${uptime.trim()}.\n`;
