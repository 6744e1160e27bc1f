/** Telling a service manager how we do: sd_notify(3), by one datagram to the socket it named. */
import { closeSync } from "node:fs";
import { check, libc } from "./libc.ts";

/** Lines such as `READY=1`. A manager that has gone is no reason to fail. */
export function notifyManager(socketPath: string, lines: readonly string[]): void {
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
  const message = Buffer.from(lines.join("\n"));
  const descriptor = check(socket(unix, datagram | closeOnExec, 0), "socket");
  try {
    sendto(descriptor, message, message.length, 0, address, address.length);
  } finally {
    closeSync(descriptor);
  }
}
