/** The streams of a container for a client elsewhere: also of one that is yet to be started. */
import type { Host } from "../host.ts";
import { getContainer } from "../records/containers.ts";
import { isMonitorOf } from "./cleanup.ts";
import { isAlive, readExit } from "./live-state.ts";
import type { PendingStarts } from "./pending-starts.ts";
import type { ContainerRecord } from "./record.ts";
import { type OutputSink, Streams } from "./streams.ts";

/** How often a container is looked at that somebody else may start. */
const lookMs = 100;

/** Disposing it leaves the container as it is. */
export class RemoteSession implements Disposable {
  /** Resolves when the container writes nothing more, or the session was left. */
  readonly ended: Promise<void>;
  private readonly end: () => void;
  private readonly host: Host;
  private readonly container: ContainerRecord;
  private readonly sink: OutputSink;
  private readonly connected: Promise<Streams | undefined>;
  private readonly onConnected: (streams: Streams | undefined) => void;
  private pending: Disposable | undefined;
  private timer: Timer | undefined;
  private isOver = false;

  constructor(host: Host, starts: PendingStarts, container: ContainerRecord, sink: OutputSink) {
    this.host = host;
    this.container = container;
    this.sink = sink;
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.end = ended.resolve;
    const connected = Promise.withResolvers<Streams | undefined>();
    this.connected = connected.promise;
    this.onConnected = connected.resolve;
    if (isAlive(container)) {
      void this.connect(container.pid);
      return;
    }
    this.pending = starts.add(container.id, {
      onReady: (pid) => this.connect(pid),
      onFailed: () => this[Symbol.dispose](),
    });
    this.timer = setInterval(() => this.look(), lookMs);
  }

  /** Somebody else may have started it, or removed it. */
  private look(): void {
    const now = getContainer(this.host.database, this.container.id);
    if (now === undefined) this[Symbol.dispose]();
    else if (isAlive(now)) void this.connect(now.pid);
  }

  private async connect(pid: number): Promise<void> {
    clearInterval(this.timer);
    this.pending?.[Symbol.dispose]();
    this.pending = undefined;
    const { id, spec } = this.container;
    const paths = this.host.paths.container(id);
    try {
      const streams = await Streams.open(
        {
          attachSocket: paths.attachSocket,
          hasTty: spec.hasTty,
          hasEnded: () => {
            if (readExit(paths, id) !== undefined) return true;
            const monitor = getContainer(this.host.database, id)?.conmonPid ?? 0;
            return monitor !== 0 && !isMonitorOf(monitor, id);
          },
        },
        this.sink,
      );
      this.onConnected(streams);
      if (this.isOver) streams[Symbol.dispose]();
      void streams.watch(pid);
      void streams.ended.then(() => this[Symbol.dispose]());
    } catch (error) {
      this.host.debug(`cannot attach to ${this.container.name}: ${error}`); // it has ended already
      this[Symbol.dispose]();
    }
  }

  /** Passes input on; before it is started, waits for that. */
  async write(bytes: Uint8Array): Promise<void> {
    await (await this.connected)?.write(bytes);
  }

  /** Nothing more comes from the client. */
  async endInput(): Promise<void> {
    await (await this.connected)?.endInput();
  }

  [Symbol.dispose](): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.timer);
    this.pending?.[Symbol.dispose]();
    this.onConnected(undefined);
    void this.connected.then((streams) => streams?.[Symbol.dispose]());
    this.end();
  }
}
