/** What clients elsewhere do with containers: attach, wait, exec; each verb loads its file on first use. */
import type { EndCondition } from "../container/await-end.ts";
import type { DetachKeys } from "../container/detach-keys.ts";
import type { ExecRequest, ExecState, StartedExec } from "../container/exec-session.ts";
import type { PendingStarts } from "../container/pending-starts.ts";
import type { ContainerRecord } from "../container/record.ts";
import type { RemoteSession } from "../container/remote-session.ts";
import type { OutputSink } from "../container/streams.ts";
import type { Host } from "../host.ts";

/** Sessions of clients that are not at our terminal. Of all that it knows nothing outlives the process. */
export class Sessions {
  private readonly host: Host;
  private starts: PendingStarts | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  /**
   * As start(), in a process where others may wait for it, who then have its streams from the first byte
   * on, and clean up after it. Resolves to whether it was running before.
   */
  async start(name: string): Promise<boolean> {
    const { startContainer } = await import("../container/start.ts");
    const container = await this.find(name);
    const { id } = container;
    const starts = await this.pendingStarts();
    try {
      const { wasRunning } = await startContainer(this.host, id, {
        isForeground: starts.has(id),
        beforeRun: (pid) => starts.ready(id, pid),
      });
      starts.started(id);
      return wasRunning ?? false;
    } catch (error) {
      if (container.intent === "created" && container.spec.removesItself) {
        const { removeContainer } = await import("../container/remove.ts");
        await removeContainer(this.host, id, { force: true, volumes: true, graceSeconds: null });
      }
      starts.failed(id);
      throw error;
    }
  }

  /** The streams of a container for a client elsewhere; of one that does not run, once it is started. */
  async attach(name: string, sink: OutputSink): Promise<RemoteSession> {
    const { RemoteSession } = await import("../container/remote-session.ts");
    const container = await this.find(name);
    return new RemoteSession(this.host, await this.pendingStarts(), container, sink);
  }

  /** Waits from when this resolves; what it resolves to gives the exit code, or -1 when the signal comes. */
  async awaitEnd(
    name: string,
    condition: EndCondition,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: Promise<number> }> {
    const { awaitEnd } = await import("../container/await-end.ts");
    return awaitEnd(this.host, await this.pendingStarts(), name, condition, signal);
  }

  private async pendingStarts(): Promise<PendingStarts> {
    const { PendingStarts } = await import("../container/pending-starts.ts");
    this.starts ??= new PendingStarts();
    return this.starts;
  }

  /** Makes an exec session, to be started later; resolves to its id. */
  async createExec(name: string, request: ExecRequest): Promise<string> {
    return (await import("../container/exec-session.ts")).createExec(this.host, name, request);
  }

  /** Once for each session, before startExec(). */
  async claimExec(id: string): Promise<ExecState> {
    return (await import("../container/exec-session.ts")).claimExec(this.host, id);
  }

  /** @param sink null: nobody attaches */
  async startExec(
    id: string,
    sink: OutputSink | null,
    size: { readonly rows: number; readonly columns: number } | undefined,
  ): Promise<StartedExec> {
    return (await import("../container/exec-session.ts")).startExec(this.host, id, sink, size);
  }

  async inspectExec(id: string): Promise<ExecState> {
    return (await import("../container/exec-session.ts")).inspectExec(this.host, id);
  }

  async removeExec(id: string, force: boolean): Promise<void> {
    return (await import("../container/exec-session.ts")).removeExec(this.host, id, force);
  }

  async resizeExec(id: string, size: { readonly rows: number; readonly columns: number }) {
    return (await import("../container/exec-session.ts")).resizeExec(this.host, id, size);
  }

  /** Exec sessions of clients that run now; by the container's whole id. */
  async runningExecs(id: string): Promise<string[]> {
    return (await import("../container/exec-session.ts")).runningExecs(this.host, id);
  }

  /** Sets the size of its terminal. */
  async resize(name: string, size: { readonly rows: number; readonly columns: number }) {
    const { resizeContainer } = await import("../container/resize.ts");
    return resizeContainer(this.host, name, size);
  }

  /** Finds the keys that leave a terminal in what is typed; null: those that are configured. */
  async detachKeys(text: string | null, hasTty: boolean): Promise<DetachKeys> {
    const { DetachKeys, defaultDetachKeys, parseDetachKeys } = await import(
      "../container/detach-keys.ts"
    );
    const keys = text || (this.host.settings.detachKeys ?? defaultDetachKeys);
    return new DetachKeys(hasTty ? parseDetachKeys(keys) : new Uint8Array());
  }

  private async find(name: string): Promise<ContainerRecord> {
    return (await import("../records/containers.ts")).resolveContainer(this.host.database, name);
  }
}
