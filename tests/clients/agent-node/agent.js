// An agent: does what it is asked to by plain HTTP requests. See ../README.md.
const http = require("node:http");
const { setTimeout: sleep } = require("node:timers/promises");
const axios = require("axios");

const PAUSE = Number(process.env.PAUSE_MS ?? 20);

// One request, and what came back.
async function act({ method, url, body }) {
  try {
    const answer = await axios({ method, url, data: body, timeout: 60_000, validateStatus: () => true });
    return { url, status: answer.status, reason: answer.headers["x-caracal-reason"] ?? null };
  } catch (error) {
    return { url, status: 0, reason: error.code ?? error.message };
  }
}

// All steps, until the time is over.
async function work({ steps, repeat_ms: repeat = 0 }) {
  const end = performance.now() + repeat;
  const done = [];
  for (;;) {
    for (const step of steps) done.push(await act(step));
    if (performance.now() >= end) return done;
    await sleep(PAUSE);
  }
}

async function serve(request, response) {
  if (request.url === "/ready") {
    response.writeHead(204).end();
    return;
  }
  const parts = [];
  for await (const part of request) parts.push(part);
  const answer = JSON.stringify(await work(JSON.parse(Buffer.concat(parts))));
  response.writeHead(200, { "content-type": "application/json" }).end(answer);
}

const server = http.createServer((request, response) => {
  serve(request, response).catch((error) => response.writeHead(500).end(String(error)));
});
server.listen(Number(process.env.PORT), "127.0.0.1");
