/**
 * `RUN --mount=type=ssh`: a socket with the owner and mode that the mount asks for, behind which is an agent. The
 * agent itself answers only whom its socket belongs to, and would let a command change what it holds.
 */
import { chmodSync, lchownSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { basename, join } from "node:path";
import { randomHex } from "../../system/random.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import type { BuildSession } from "../session.ts";
import { AgentRequests } from "./agent-requests.ts";

/** Open until it is disposed. */
export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

/** Whose the socket is, and who may use it. */
export interface SocketLooks {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** @param agent the agent's socket */
export async function openAgentSocket(
  session: BuildSession,
  agent: string,
  { uid, gid, mode }: SocketLooks,
): Promise<AgentSocket> {
  const { buildSecrets } = session.host.paths;
  const directory = join(buildSecrets, `${basename(session.stage.directory)}-${randomHex(4)}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "socket");
  const server = createServer((client) => {
    const requests = new AgentRequests();
    const onward = connect(agent);
    const end = () => {
      client.destroy();
      onward.destroy();
    };
    client.on("data", (bytes) => {
      try {
        const asked = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
        for (const request of requests.pass(asked)) onward.write(request);
      } catch {
        end(); // it does not speak to an agent
      }
    });
    client.on("end", () => onward.end());
    onward.pipe(client);
    client.on("error", end);
    onward.on("error", end);
  });
  using place = OpenDirectory.at(directory); // a path of any length: sun_path has 108 bytes
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(`/proc/self/fd/${place.descriptor}/socket`, resolve);
  });
  lchownSync(path, uid, gid);
  chmodSync(path, mode);
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
