import { expect, test } from "bun:test";
import { AgentRequests } from "./agent-requests.ts";

const request = (type: number, body = "") => {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.writeUInt32BE(1 + body.length, 0);
  bytes[4] = type;
  bytes.write(body, 5, "latin1");
  return bytes;
};
const failing = Buffer.of(0, 0, 0, 1, 255);

test.each([
  ["listing keys", 11, true],
  ["signing", 13, true],
  ["binding a session", 27, true],
  ["adding a key", 17, false],
  ["removing a key", 18, false],
  ["removing all keys", 19, false],
  ["adding a token's keys", 20, false],
  ["locking", 22, false],
  ["adding with constraints", 25, false],
])("%s (%i) is passed on: %p", (_, type, isPassed) => {
  const asked = request(type, "body");
  const [passed] = new AgentRequests().pass(asked);
  expect(Buffer.from(passed ?? [])).toEqual(isPassed ? asked : failing);
});

test("requests are known as such however they are cut", () => {
  const all = Buffer.concat([request(11), request(19), request(13, "data")]);
  const requests = new AgentRequests();
  const passed = [...all].flatMap((byte) => requests.pass(Uint8Array.of(byte)));
  expect(Buffer.concat(passed)).toEqual(Buffer.concat([request(11), failing, request(13, "data")]));
});

test("what is larger than any request ends the connection", () => {
  expect(() => new AgentRequests().pass(Buffer.of(0xff, 0, 0, 0, 11))).toThrow("no request");
});
