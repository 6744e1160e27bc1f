/** Limits to how much is done at once. */

/** Lets a fixed number work at once. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  /** Waits for a free one; disposing gives it back. */
  async take(): Promise<Disposable> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    return {
      [Symbol.dispose]: () => {
        const next = this.waiting.shift();
        if (next === undefined) this.free++;
        else next();
      },
    };
  }
}
