// A gRPC client on Node's http2: a session for each channel, and a new one for the calls that follow a GOAWAY.
//
// Calls that the server never processed are counted by error in "refused": those that Node itself refuses, before
// anything reaches the wire, on a session that has just received a GOAWAY; and those above a GOAWAY's last stream.
// With --retry-refused they are made again, as grpc-js does; without, they have failed.

import { randomBytes, randomInt } from "node:crypto";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { body, bodySizes, parse, prefixed, readMessages, Report, seeds, service } from "./peers.mjs";

const slack = 30; // seconds a call may take beyond what it asks for
const window = 16 * 1024 * 1024; // bytes the server may send ahead
const refusals = new Set([
  "ERR_HTTP2_GOAWAY_SESSION", "ERR_HTTP2_INVALID_SESSION", "ERR_HTTP2_SESSION_CLOSED", "NGHTTP2_REFUSED_STREAM",
]);

const options = parse({
  target: { type: "string" },
  seconds: { type: "string", default: "10" },
  channels: { type: "string", default: "1" },
  concurrency: { type: "string", default: "2" },
  bodies: { type: "string", default: bodySizes },
  "pause-milliseconds": { type: "string", default: "0" },
  streams: { type: "string", default: "1" },
  "stream-seconds": { type: "string", default: "15" },
  "tick-milliseconds": { type: "string", default: "100" },
  "retry-refused": { type: "boolean", default: false },
});
const sizes = String(options.bodies).split(",").map(Number);
const report = new Report();
report.more = { goaways: 0, sessions: 0, refused: {} };
let end = performance.now() + options.seconds * 1000;
process.once("SIGTERM", () => { end = 0; });
const secondsLeft = () => (end - performance.now()) / 1000;

class Channel {
  session = null;

  usableSession() {
    if (this.session === null || this.session.closed || this.session.destroyed) {
      const session = http2.connect(`http://${options.target}`, { settings: { initialWindowSize: window } });
      this.session = session;
      report.more.sessions++;
      session.on("connect", () => session.setLocalWindowSize(window));
      session.on("goaway", () => {
        report.more.goaways++;
        this.leave(session);
      });
      session.on("close", () => this.leave(session));
      session.on("error", () => this.leave(session)); // its streams tell
    }
    return this.session;
  }

  leave(session) {
    if (this.session === session) this.session = null;
    if (!session.closed) session.close(); // when its streams have ended
  }

  /** Makes a call; returns its messages and trailers. */
  call(method, request) {
    return new Promise((resolve, reject) => {
      const stream = this.usableSession().request({
        ":method": "POST", ":path": service + method, "content-type": "application/grpc", te: "trailers",
      });
      const messages = [];
      let trailers = {};
      stream.on("response", (headers) => { trailers = headers; }); // a response of trailers only
      stream.on("trailers", (headers) => { trailers = headers; });
      stream.on("error", (error) => {
        if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) error.code = "NGHTTP2_REFUSED_STREAM";
        reject(error);
      });
      stream.on("close", () => {
        if (trailers["grpc-status"] === "0") resolve({ messages, trailers });
        else reject(new Error(`status ${trailers["grpc-status"]}, reset with ${stream.rstCode}`));
      });
      readMessages(stream, (message) => messages.push(message));
      stream.end(prefixed(request));
    });
  }

  async tryCall(method, request) {
    for (;;) {
      try {
        return await this.call(method, request);
      } catch (error) {
        if (!refusals.has(error.code)) throw error;
        report.more.refused[error.code] = (report.more.refused[error.code] ?? 0) + 1;
        if (!options["retry-refused"]) throw error;
        await sleep(0); // the session learns of it in this turn of the event loop
      }
    }
  }

  async check(method, request, expected, seconds = 0) {
    const late = new AbortController();
    const deadline = sleep((seconds + slack) * 1000, null, { signal: late.signal })
      .then(() => { throw new Error(`no answer within ${seconds + slack} s`); });
    deadline.catch(() => {});
    try {
      const { messages, trailers } = await Promise.race([this.tryCall(method, request), deadline]);
      const exact = messages.length === expected.length && messages.every((each, i) => each.equals(expected[i]));
      if (exact) report.succeeded(trailers, this);
      else report.fail(`${method}: wrong answer, ${messages.length} messages instead of ${expected.length}`);
    } catch (error) {
      report.fail(`${method}: ${error.code ?? ""} ${error.message}`);
    } finally {
      late.abort();
    }
  }

  async unaryCalls(worker) {
    for (let turn = worker; secondsLeft() > 0; turn++) { // workers start at different sizes
      const payload = randomBytes(randomInt(1, 3001));
      await this.check("Echo", payload, [payload]);
      const wanted = { bytes: sizes[turn % sizes.length], seed: randomInt(seeds) };
      await this.check("Body", Buffer.from(JSON.stringify(wanted)), [body(wanted.seed, wanted.bytes)]);
      await sleep(options["pause-milliseconds"]);
    }
  }

  /** The first at once; another only if it can end in time. */
  async longStreams() {
    const milliseconds = options["tick-milliseconds"];
    const count = Math.round(options["stream-seconds"] * 1000 / milliseconds);
    const request = Buffer.from(JSON.stringify({ milliseconds, count }));
    const expected = Array.from({ length: count }, (_, number) => Buffer.from(String(number)));
    do {
      await this.check("Ticks", request, expected, options["stream-seconds"]);
    } while (secondsLeft() >= options["stream-seconds"]);
  }
}

const progress = setInterval(() => report.show("progress"), 1000);
const work = [];
for (let number = 0; number < options.channels; number++) {
  const channel = new Channel();
  for (let worker = 0; worker < options.concurrency; worker++) work.push(channel.unaryCalls(worker));
  for (let count = 0; count < options.streams; count++) work.push(channel.longStreams());
}
await Promise.all(work);
clearInterval(progress);
report.show("done");
process.exit(report.failed === 0 ? 0 : 1);
