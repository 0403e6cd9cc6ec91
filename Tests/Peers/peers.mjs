// What the Node peers share: the echo service, gRPC's framing, the command line and the report. See README.md.

import { createHash } from "node:crypto";
import { parseArgs } from "node:util";

export const service = "/evenkeel.lab.Echo/";
export const bodySizes = "1,100,1000,16379,16384,65535,65536,300000,1000000,4194304";
export const seeds = 16;

const patternBlocks = 2047; // so that a pattern's length fits no frame, page or buffer
const patterns = new Map();

/** The first `size` bytes of the seed's pattern repeated for ever. */
export function body(seed, size) {
  if (!patterns.has(seed)) patterns.set(seed, pattern(seed));
  return Buffer.alloc(size, patterns.get(seed));
}

/** SHA-256(seed ‖ 0) ‖ … ‖ SHA-256(seed ‖ 2046), all numbers as 8 bytes, big-endian: 65,504 bytes. */
function pattern(seed) {
  const blocks = [];
  const input = Buffer.alloc(16);
  input.writeBigUInt64BE(BigInt(seed));
  for (let counter = 0; counter < patternBlocks; counter++) {
    input.writeBigUInt64BE(BigInt(counter), 8);
    blocks.push(createHash("sha256").update(input).digest());
  }
  return Buffer.concat(blocks);
}

/** What a unary method of the service returns. */
export function answer(method, request, name) {
  if (method === "Echo") return request;
  if (method === "Name") return Buffer.from(name);
  const wanted = JSON.parse(request);
  return body(wanted.seed, wanted.bytes);
}

/** A gRPC message with its prefix: not compressed, length. */
export function prefixed(message) {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Calls `receive` for each gRPC message in what a stream delivers. */
export function readMessages(stream, receive) {
  let chunks = [];
  let size = 0;
  let wanted = 5; // bytes until it is worth joining the chunks: joining each time would be quadratic
  stream.on("data", (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const data = Buffer.concat(chunks);
      const end = 5 + data.readUInt32BE(1);
      if (size >= end) {
        receive(data.subarray(5, end));
        size -= end;
      }
      chunks = [size < data.length ? data.subarray(data.length - size) : data];
      wanted = size >= 5 ? 5 + chunks[0].readUInt32BE(1) : 5;
    }
  });
}

export function parse(options) {
  const { values } = parseArgs({ options });
  for (const [name, option] of Object.entries(options)) {
    if (values[name] === undefined) throw new Error(`--${name} is missing`);
    if (typeof option.default === "string" && /^\d+$/.test(option.default)) values[name] = Number(values[name]);
  }
  return values;
}

/** Counts, printed as one JSON object a line. */
export class Report {
  ok = 0;
  errors = {};
  byServer = {};
  connections = new Map(); // channel → Set of "server peer"
  more = {};

  get failed() {
    return Object.values(this.errors).reduce((sum, count) => sum + count, 0);
  }

  /** Counts a call. Our servers say in its trailers who they are and from where they saw it come. */
  succeeded(trailers, channel) {
    this.ok++;
    const server = trailers["x-server"];
    if (!server) return;
    this.byServer[server] = (this.byServer[server] ?? 0) + 1;
    if (!this.connections.has(channel)) this.connections.set(channel, new Set());
    this.connections.get(channel).add(`${server} ${trailers["x-peer"]}`);
  }

  fail(text) {
    this.errors[text] = (this.errors[text] ?? 0) + 1;
  }

  show(event) {
    const { ok, failed, errors } = this;
    const connections = [...this.connections.values()].reduce((sum, seen) => sum + seen.size, 0);
    const reconnects = connections - this.connections.size;
    const counts = { event, ok, failed, errors, connections, reconnects, by_server: this.byServer, ...this.more };
    console.log(JSON.stringify(counts));
  }
}
