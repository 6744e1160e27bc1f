/** Telling systemd something by one datagram: a service manager how we do (sd_notify(3)), the journal what happened. */
import { closeSync } from "node:fs";
import { check, libc } from "./libc.ts";

/** Lines such as `READY=1`. A manager that has gone is no reason to fail. */
export function notifyManager(socketPath: string, lines: readonly string[]): void {
  sendDatagram(socketPath, Buffer.from(lines.join("\n")));
}

/** The journal's own protocol (systemd.io, "Native Journal Protocol"): one datagram an entry. */
export function sendToJournal(fields: Readonly<Record<string, string>>): void {
  const parts = Object.entries(fields).map(([key, value]) => {
    if (!value.includes("\n")) return Buffer.from(`${key}=${value}\n`);
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    return Buffer.concat([Buffer.from(`${key}\n`), length, bytes, Buffer.from("\n")]);
  });
  sendDatagram("/run/systemd/journal/socket", Buffer.concat(parts));
}

/** To whoever listens there; nobody is no failure. */
function sendDatagram(socketPath: string, message: Uint8Array): void {
  const { socket, sendto } = libc({
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  });
  const [unix, datagram, closeOnExec] = [1, 2, 0o2000000];
  // an abstract name begins with @, which stands for NUL
  const name = Buffer.from(socketPath.replace(/^@/, "\0"));
  if (name.length > 107) return;
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(unix, 0);
  name.copy(address, 2);
  const descriptor = check(socket(unix, datagram | closeOnExec, 0), "socket");
  try {
    sendto(descriptor, message, message.length, 0, address, address.length);
  } finally {
    closeSync(descriptor);
  }
}
