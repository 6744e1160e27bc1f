/** Who waits, in this process, for a container to be started: clients attach before its first byte. */
export interface PendingStart {
  /** Its streams can be opened, and nothing has been written to them yet. */
  onReady?(pid: number): Promise<void>;
  /** Its process runs. */
  onStarted?(): void;
  /** It could not be started. */
  onFailed?(): void;
}

/** By the container's id. Whoever starts it from another process is not noticed here. */
export class PendingStarts {
  private readonly byId = new Map<string, Set<PendingStart>>();

  add(id: string, pending: PendingStart): Disposable {
    const all = this.byId.get(id) ?? new Set();
    this.byId.set(id, all.add(pending));
    return {
      [Symbol.dispose]: () => {
        all.delete(pending);
        if (all.size === 0 && this.byId.get(id) === all) this.byId.delete(id);
      },
    };
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  async ready(id: string, pid: number): Promise<void> {
    for (const pending of [...(this.byId.get(id) ?? [])]) await pending.onReady?.(pid);
  }

  failed(id: string): void {
    for (const pending of [...(this.byId.get(id) ?? [])]) pending.onFailed?.();
  }

  started(id: string): void {
    for (const pending of [...(this.byId.get(id) ?? [])]) pending.onStarted?.();
  }
}
