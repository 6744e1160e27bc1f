/** The SSH agent of a client, as a socket that commands of a build may be given. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { CooperError } from "../../errors.ts";
import type { ClientCall } from "./grpc.ts";
import { encode, Message } from "./protobuf.ts";
import type { BuildSession } from "./session.ts";

const service = "/moby.sshforward.v1.SSH";

/** Sockets that lead to a client's agents, made when somebody wants them; they go with the build. */
export class ClientAgents implements Disposable {
  private readonly session: BuildSession;
  private readonly listeners = new Map<string, { path: string; stop(): void }>();
  private directory: string | undefined;

  constructor(session: BuildSession) {
    this.session = session;
  }

  /** Where an agent listens; undefined: the client has none of that id. */
  async find(id: string): Promise<string | undefined> {
    const found = this.listeners.get(id);
    if (found !== undefined) return found.path;
    if (!this.session.offers(`${service}/ForwardAgent`)) return undefined;
    try {
      await this.session.client.ask(`${service}/CheckAgent`, encode([1, id]));
    } catch (error) {
      if (error instanceof CooperError && error.code === "helper-failed") return undefined;
      throw error;
    }
    // only who runs the build gets into it; the socket itself is bound into containers, whoever runs there
    this.directory ??= mkdtempSync(join(tmpdir(), "cooper-agent-"));
    const path = join(this.directory, `${this.listeners.size}`);
    this.listeners.set(id, { path, stop: this.listen(id, path) });
    return path;
  }

  private listen(id: string, path: string): () => void {
    const calls = new WeakMap<Socket, ClientCall>();
    const listener = Bun.listen({
      unix: path,
      socket: {
        open: (socket) => {
          const call = this.session.client.call(`${service}/ForwardAgent`, {
            "buildkit.ssh.id": id,
          });
          calls.set(socket, call);
          void carry(call, socket);
        },
        data: (socket, bytes) => {
          // questions to an agent are short, and each waits for its answer
          calls
            .get(socket)
            ?.send(encode([1, bytes]))
            .catch(() => socket.end());
        },
        close: (socket) => calls.get(socket)?.end(),
      },
    });
    return () => listener.stop(true);
  }

  [Symbol.dispose](): void {
    for (const { stop } of this.listeners.values()) stop();
    if (this.directory !== undefined) rmSync(this.directory, { recursive: true, force: true });
  }
}

async function carry(call: ClientCall, socket: Socket): Promise<void> {
  try {
    for await (const message of call.messages) {
      const bytes = new Message(message).bytes(1);
      // far shorter than what a socket takes at once
      if (socket.write(bytes) < bytes.length) break;
    }
  } catch {
    // the agent's side broke off: so does this one
  }
  socket.end();
}
