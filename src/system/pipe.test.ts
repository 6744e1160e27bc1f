import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { libc } from "./libc.ts";
import { receivePacket, sendPacket } from "./pipe.ts";

const { socketpair } = libc({
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
});

/** Two ends of a connection as conmon's attach socket has (AF_UNIX, SOCK_SEQPACKET). */
function packetSockets(): [number, number] {
  const ends = new Int32Array(2);
  if (socketpair(1, 5, 0, ends) !== 0) throw new Error("socketpair");
  return [ends[0] ?? -1, ends[1] ?? -1];
}

test.each([
  { title: "closed", unread: false },
  { title: "closed without reading what we sent", unread: true },
])("what a peer sent before it $title is received", ({ unread }) => {
  const [ours, theirs] = packetSockets();
  if (unread) sendPacket(ours, Buffer.from("input"));
  sendPacket(theirs, Buffer.from("first"));
  sendPacket(theirs, Buffer.from("last"));
  closeSync(theirs);
  const buffer = Buffer.alloc(100);
  const packets = Array.from({ length: 4 }, () => {
    const size = receivePacket(ours, buffer) ?? -1;
    return buffer.toString("latin1", 0, size);
  });
  closeSync(ours);
  expect(packets).toEqual(["first", "last", "", ""]);
});
