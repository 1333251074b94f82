'use strict';
// Makes out/NAME.html of each pages/NAME.txt: a title, paragraphs, and links as "-> TARGET WORDS". A link to nowhere is an error.
const fs = require('node:fs');
const path = require('node:path');

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const names = fs.readdirSync('pages').map((file) => path.basename(file, '.txt')).sort();
let mistakes = 0;

function line(text, name) {
  const link = /^-> (\S+) (.+)$/.exec(text);
  if (!link) return `<p>${escape(text)}</p>`;
  if (!names.some((other) => link[1] === `${other}.html`)) {
    console.error(`pages/${name}.txt: there is no page ${link[1]}`);
    mistakes++;
  }
  return `<p><a href="${escape(link[1])}">${escape(link[2])}</a></p>`;
}

fs.mkdirSync('out', { recursive: true });
for (const name of names) {
  const [title, ...rest] = fs.readFileSync(`pages/${name}.txt`, 'utf8').trim().split('\n');
  const body = rest.map((text) => line(text, name)).join('\n');
  fs.writeFileSync(`out/${name}.html`,
    `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>\n<h1>${escape(title)}</h1>\n${body}\n</html>\n`);
}
console.log(`${names.length} pages, ${mistakes} mistakes`);
process.exitCode = mistakes ? 1 : 0;
