/** The service: listens, answers, and ends when nobody has asked for a while. It holds no state of the engine. */
import type { Socket, SocketHandler, TLSOptions } from "bun";
import type { LocalEngine } from "../engine.ts";
import { messageOf } from "../errors.ts";
import { SocketPath } from "../system/listener.ts";
import { assertNoPage } from "./access.ts";
import { dispatcher } from "./dispatch.ts";
import { Connection, type HttpHandler, type HttpRequest, headSeconds } from "./http/connection.ts";

/** Where a service listens. */
export type Address =
  | { readonly kind: "unix"; readonly path: string; readonly gid: number | null }
  | { readonly kind: "fd"; readonly descriptor: number }
  | {
      readonly kind: "tcp";
      readonly hostname: string;
      readonly port: number;
      /** null: anybody may ask. */
      readonly tls: TLSOptions | null;
    };

export interface ServiceOptions {
  readonly addresses: readonly Address[];
  /** Without a request for so long it ends; 0: never. */
  readonly idleSeconds: number;
  /** Told once it listens. */
  readonly onListening?: () => void;
}

/** A service that nobody asks for so long gives back the memory that it took. */
const collectMs = 3000;

/** What is under way gets this long when the service is asked to end. */
const farewellMs = 500;

/** Resolves when it has ended: idle for long enough, or asked to by the signal. */
export async function runService(
  engine: LocalEngine,
  options: ServiceOptions,
  signal: AbortSignal,
): Promise<void> {
  await engine.stayResponsive();
  using stack = new DisposableStack();
  const activity = new Activity(options.idleSeconds, () => {
    void engine.releaseMemory();
  });
  const canCheckpoint = await engine.containers.canCheckpoint();
  for (const address of options.addresses)
    stack.use(listen(engine, address, activity, canCheckpoint));
  options.onListening?.();
  await Promise.race([activity.idle, aborted(signal)]);
  stack[Symbol.dispose](); // nobody new
  await Promise.race([activity.quiet(), Bun.sleep(farewellMs)]);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}

/** Counts what is under way: a stream or a wait is, a connection that is only kept open is not. */
class Activity {
  private count = 0;
  private timer: Timer | undefined;
  private collector: Timer | undefined;
  private readonly idleMs: number;
  private onQuiet: (() => void) | undefined;
  private readonly onIdle: () => void;
  /** When it has been quiet for a moment. */
  private readonly rest: () => void;
  readonly idle: Promise<void>;

  constructor(idleSeconds: number, rest: () => void) {
    this.rest = rest;
    this.idleMs = idleSeconds * 1000;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.idle = promise;
    this.onIdle = resolve;
    this.restart();
    this.collector = setTimeout(rest, collectMs);
  }

  change(by: 1 | -1): void {
    this.count += by;
    if (this.count === 0) {
      this.onQuiet?.();
      this.restart();
      this.collector = setTimeout(this.rest, collectMs);
    } else {
      clearTimeout(this.timer);
      clearTimeout(this.collector);
    }
  }

  private restart(): void {
    clearTimeout(this.timer);
    if (this.idleMs > 0) this.timer = setTimeout(this.onIdle, this.idleMs);
  }

  quiet(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onQuiet = resolve;
    });
  }
}

type Peer = Socket<Connection | undefined>;

function listen(
  engine: LocalEngine,
  address: Address,
  activity: Activity,
  isExperimental: boolean,
): Disposable {
  const isNetwork = address.kind === "tcp";
  const names = isNetwork ? [address.hostname.toLowerCase()] : [];
  const admit = (request: HttpRequest) => {
    if (isNetwork) assertNoPage(request, names);
  };
  const handler = dispatcher(engine, admit, isExperimental);
  const socket = handlers(engine, handler, activity, isNetwork);
  switch (address.kind) {
    case "unix": {
      const place = new SocketPath(address.path);
      try {
        const listener = place.make(
          () => Bun.listen({ unix: address.path, allowHalfOpen: true, socket }),
          address.gid,
        );
        return disposable(() => {
          listener.stop();
          place[Symbol.dispose]();
        });
      } catch (error) {
        place[Symbol.dispose]();
        throw error;
      }
    }
    case "fd": {
      const listener = Bun.listen({ fd: address.descriptor, allowHalfOpen: true, socket } as never);
      return disposable(() => (listener as { stop(): void }).stop());
    }
    case "tcp": {
      const { hostname, port, tls } = address;
      const listener = Bun.listen({
        hostname,
        port,
        allowHalfOpen: true,
        socket,
        ...(tls !== null && { tls }),
      });
      return disposable(() => listener.stop());
    }
  }
}

function disposable(dispose: () => void): Disposable {
  return { [Symbol.dispose]: dispose };
}

function handlers(
  engine: LocalEngine,
  handler: HttpHandler,
  activity: Activity,
  endIsGone: boolean,
): SocketHandler<Connection | undefined> {
  return {
    open(socket: Peer) {
      socket.data = new Connection(socket, endIsGone);
      socket.timeout(headSeconds);
      socket.data
        .serve(handler, (change) => activity.change(change))
        .catch((error: unknown) =>
          engine.host.debug(`a connection broke off: ${messageOf(error)}`),
        );
    },
    data(socket: Peer, bytes: Buffer) {
      socket.data?.input.push(bytes);
    },
    drain(socket: Peer) {
      socket.data?.drained();
    },
    end(socket: Peer) {
      socket.data?.ended();
    },
    close(socket: Peer) {
      socket.data?.closed();
    },
    error(socket: Peer) {
      socket.data?.closed();
    },
    timeout(socket: Peer) {
      socket.terminate();
    },
  };
}
