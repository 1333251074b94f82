'use strict';
const http = require('node:http');
const { greeting } = require('./greeting.js');

// Where the other service is: a name, which the cluster resolves.
const uptimeUrl = process.env.UPTIME_URL || 'http://uptime/';

async function page(url) {
  if (url.pathname === '/healthz') return 'ok\n';
  const answer = await fetch(uptimeUrl, { signal: AbortSignal.timeout(2000) });
  return greeting(url.searchParams.get('name'), await answer.text());
}

http.createServer(async (request, response) => {
  try {
    response.end(await page(new URL(request.url, 'http://greeter/')));
  } catch (error) {
    response.statusCode = 502;
    response.end(`${uptimeUrl} does not answer: ${error.cause || error}\n`);
  }
}).listen(8080, () => console.log('greeter: listening on port 8080'));

process.on('SIGTERM', () => process.exit(0));
