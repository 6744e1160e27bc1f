/** What a container has printed to the journal (conmon's log driver `journald`), through journalctl(1). */
import { CooperError } from "../errors.ts";
import { needProgram } from "../system/program.ts";
import type { LogEntry, LogOptions } from "./logs.ts";
import type { ContainerRecord } from "./record.ts";

/** Yields the entries that carry the container's id. */
export async function* readJournal(
  container: ContainerRecord,
  options: LogOptions,
): AsyncGenerator<LogEntry> {
  const child = Bun.spawn(
    [
      needProgram("journalctl"),
      "--quiet",
      "--output=json",
      `CONTAINER_ID_FULL=${container.id}`,
      ...(options.tail === null ? ["--lines=all"] : [`--lines=${options.tail}`]),
      ...(options.since === null ? [] : [`--since=@${options.since / 1000}`]),
      ...(options.until === null ? [] : [`--until=@${options.until / 1000}`]),
      ...(options.follow ? ["--follow"] : []),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  try {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield toEntry(JSON.parse(line) as Record<string, unknown>);
    }
  } finally {
    child.kill();
  }
  if ((await child.exited) !== 0 && !child.killed) {
    throw new CooperError(
      "helper-failed",
      `journalctl: ${(await new Response(child.stderr).text()).trim()}`,
    );
  }
}

/** Messages that are no UTF-8 come as a list of bytes (journalctl(1), `json`). */
function toEntry(fields: Record<string, unknown>): LogEntry {
  const message = withoutNewline(
    Array.isArray(fields.MESSAGE)
      ? Buffer.from(fields.MESSAGE as number[])
      : Buffer.from(String(fields.MESSAGE ?? "")),
  );
  const isPartial = fields.CONTAINER_PARTIAL_MESSAGE === "true";
  const micros = Number(fields.__REALTIME_TIMESTAMP ?? 0);
  return {
    stream: String(fields.PRIORITY) === "3" ? "stderr" : "stdout",
    time: new Date(micros / 1000).toISOString(),
    text: isPartial ? message : Buffer.concat([message, Buffer.from("\n")]),
    isPartial,
  };
}

/** conmon 2.1 writes the newline into the message, others do not. */
function withoutNewline(message: Buffer): Buffer {
  return message.at(-1) === 10 ? message.subarray(0, -1) : message;
}
