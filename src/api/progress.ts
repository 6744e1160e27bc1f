/** A reply that tells of long work as it goes on: JSON documents, each sent at once. */
import { failureLine } from "./docker/progress.ts";
import { failureOf } from "./failure.ts";
import { pushed } from "./http/pushed.ts";
import { jsonLines, type Reply } from "./http/reply.ts";

/** Takes a line; nobody waits for it to be read. */
export type Tell = (line: Readonly<Record<string, unknown>>) => void;

/** Lines that nobody has read yet are at most so many: of progress the newest are enough. */
const maxUnread = 1000;

/**
 * Does the work and sends what it tells. A failure before the first line is the answer itself, with its
 * status; one after that is a line.
 *
 * @param lineOf that line, of what was thrown; default: Docker's
 */
export async function progressReply(
  work: (tell: Tell) => Promise<void>,
  lineOf = (error: unknown): Readonly<Record<string, unknown>> => failureLine(failureOf(error)),
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
  const done = work(tell).finally(() => {
    isOver = true;
    wake();
  });
  await Promise.race([begun.promise, done]);
  return jsonLines(
    pushed(async (write) => {
      while (!isOver || unread.length > 0) {
        const line = unread.shift();
        if (line !== undefined) await write(line);
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
      await done.catch((error: unknown) => write(lineOf(error)));
    }),
  );
}
