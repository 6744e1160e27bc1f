/** One after the other through the event loop, with everybody else's turn between two. */
export class Turns {
  private last: Promise<void> = Promise.resolve();

  /**
   * Resolves in a turn of the loop of its own. What asks the OCI runtime or the kernel for something waits for it
   * without letting go of the loop: twenty such requests at once would hold up all others for the sum.
   */
  take(): Promise<void> {
    this.last = this.last.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.last;
  }
}
