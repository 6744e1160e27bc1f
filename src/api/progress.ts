/** A reply that tells of long work as it goes on: JSON documents, each sent at once. */
import { failureLine } from "./docker/progress.ts";
import { failureOf, ownFailure } from "./failure.ts";
import type { HttpRequest } from "./http/connection.ts";
import { pushed } from "./http/pushed.ts";
import { jsonLines, type Reply } from "./http/reply.ts";
import { own } from "./ours.ts";

/** Takes a line; nobody waits for it to be read. */
export type Tell = (line: Readonly<Record<string, unknown>>) => void;

/** Nothing while there is room for more lines, else resolves when there is: for what must not be lost. */
export type Room = () => Promise<void> | undefined;

/** Lines that nobody has read yet are at most so many: of progress the newest are enough. */
const maxUnread = 1000;
/** So many may be ahead of a reader when none may be lost. */
const maxAhead = 64;

/**
 * Does the work and sends what it tells. A failure before the first line is the answer itself, with its
 * status; one after that is a line.
 *
 * @param lineOf that line, of what was thrown; default: Docker's
 * @param signal aborted when the client has gone; then nobody waits for room any more
 */
export async function progressReply(
  work: (tell: Tell, room: Room) => Promise<void>,
  lineOf = (error: unknown): Readonly<Record<string, unknown>> => failureLine(failureOf(error)),
  signal?: AbortSignal,
): Promise<Reply> {
  const unread: Readonly<Record<string, unknown>>[] = [];
  const begun = Promise.withResolvers<void>();
  let wake: () => void = () => undefined;
  let isOver = false;
  const tell: Tell = (line) => {
    if (unread.length >= maxUnread) unread.shift();
    unread.push(line);
    begun.resolve();
    wake();
  };
  let hasReader = true;
  let waiting: (() => void)[] = [];
  const makeRoom = () => {
    const all = waiting;
    waiting = [];
    for (const resolve of all) resolve();
  };
  const leave = () => {
    hasReader = false;
    makeRoom();
  };
  signal?.addEventListener("abort", leave, { once: true });
  const room: Room = () =>
    unread.length < maxAhead || !hasReader
      ? undefined
      : new Promise((resolve) => void waiting.push(resolve));
  const done = work(tell, room).finally(() => {
    isOver = true;
    wake();
  });
  await Promise.race([begun.promise, done]);
  return jsonLines(
    pushed(async (write) => {
      try {
        while (!isOver || unread.length > 0) {
          const line = unread.shift();
          if (unread.length < maxAhead) makeRoom();
          if (line !== undefined) await write(line);
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        leave();
      }
      await done.catch((error: unknown) => write(lineOf(error)));
    }),
  );
}

/** As the default, and for another Cooper with what it makes the error from again. */
export const lineFor =
  (request: Pick<HttpRequest, "headers">) =>
  (error: unknown): Readonly<Record<string, unknown>> => ({
    ...failureLine(failureOf(error)),
    ...own(request, () => ownFailure(error)),
  });
