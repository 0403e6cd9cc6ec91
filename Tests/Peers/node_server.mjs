// A gRPC server on Node's http2.

import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { answer, parse, prefixed, readMessages, Report, service } from "./peers.mjs";

const options = parse({ listen: { type: "string" }, name: { type: "string", default: "server" } });
const report = new Report();
const sessions = new Set();

async function respond(stream, method, request) {
  if (method !== "Ticks") {
    stream.end(prefixed(answer(method, request, options.name)));
    return;
  }
  const { milliseconds, count } = JSON.parse(request);
  for (let number = 0; number < count && !stream.destroyed; number++) {
    stream.write(prefixed(Buffer.from(String(number))));
    await sleep(milliseconds);
  }
  stream.end();
}

const server = http2.createServer();
server.on("session", (session) => {
  sessions.add(session);
  session.on("close", () => sessions.delete(session));
  session.on("error", () => {}); // the streams tell
});
server.on("stream", (stream, headers) => {
  const { remoteAddress, remotePort } = stream.session.socket;
  const trailers = { "grpc-status": "0", "x-server": options.name, "x-peer": `${remoteAddress} ${remotePort}` };
  stream.on("error", () => {}); // the client has reset the stream, or is gone
  stream.on("wantTrailers", () => {
    stream.sendTrailers(trailers);
    report.succeeded(trailers, trailers["x-peer"]);
  });
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  readMessages(stream, (request) => respond(stream, headers[":path"].slice(service.length), request));
});

const [, host, port] = options.listen.match(/^\[?(.*?)\]?:(\d+)$/);
server.listen(Number(port), host, () => console.log(`ready ${server.address().port}`));

process.once("SIGTERM", () => {
  server.close(() => report.show("done"));
  for (const session of sessions) session.close(); // a GOAWAY; streams in flight are finished
});
