/** Turns what pushes bytes into what they are pulled from, with the pusher held back by a slow reader. */

/**
 * The stream of what `push` writes; when `push` fails, so does the stream. A reader that leaves makes the
 * next write fail, so that `push` ends too.
 */
export async function* pushed<T>(
  push: (write: (item: T) => Promise<void>) => Promise<unknown>,
): AsyncGenerator<T, void> {
  let wake: () => void = () => undefined;
  let waiting: { item: T; taken(): void; left(error: Error): void } | undefined;
  let isOver = false;
  let hasLeft = false;
  const done = push(async (item) => {
    if (hasLeft) throw new Error("the reader has gone");
    await new Promise<void>((taken, left) => {
      waiting = { item, taken, left };
      wake();
    });
  }).finally(() => {
    isOver = true;
    wake();
  });
  done.catch(() => undefined); // told below
  try {
    for (;;) {
      if (waiting !== undefined) {
        // it stays the waiting one until the reader asks for more: one that leaves now ends the writer
        const { item, taken } = waiting;
        yield item;
        waiting = undefined;
        taken();
      } else if (isOver) break;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await done;
  } finally {
    hasLeft = true;
    waiting?.left(new Error("the reader has gone"));
  }
}
