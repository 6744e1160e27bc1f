/**
 * `image scp`: an image from one store into another, of another user or on another machine. Two engines
 * and a pipe between them: what one saves the other loads.
 */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { ownCommand } from "../own-command.ts";
import { needProgram } from "../system/program.ts";
import { parseScpEnd, type ScpEnd, type ScpStore, scpStoreName } from "./scp-place.ts";

export interface ScpOptions {
  readonly format: "oci-archive" | "docker-archive";
  /** Whether it is not said what was loaded. */
  readonly isQuiet: boolean;
}

/** Copies the image that `from` names; `to` is null for our own store. */
export async function copyBetweenStores(
  host: Host,
  fromText: string,
  toText: string | null,
  { format, isQuiet }: ScpOptions,
): Promise<void> {
  const from = parseScpEnd(fromText);
  const to: ScpEnd = toText === null ? { store: { kind: "own" }, image: "" } : parseScpEnd(toText);
  if (from.image === "") throw new CooperError("invalid-argument", "no image was named");
  if (to.image !== "")
    throw new CooperError("invalid-argument", "an image is not renamed on its way", {
      hint: `give it the name first: cooper tag ${from.image} ${to.image}`,
    });
  if (from.store.kind === "own" && to.store.kind === "own")
    throw new CooperError("invalid-argument", `${from.image} is in this store already`, {
      hint: `name where it should go: cooper image scp ${from.image} USER@HOST::`,
    });
  const saved = Bun.spawn(
    wordsFor(host, from.store, ["save", "--quiet", "--format", format, from.image]),
    { stdio: ["ignore", "pipe", "inherit"], env: process.env },
  );
  const loaded = Bun.spawn(wordsFor(host, to.store, ["load", "--quiet"]), {
    stdio: [saved.stdout, isQuiet ? "ignore" : "inherit", "inherit"],
    env: process.env,
  });
  const [saving, loading] = await Promise.all([saved.exited, loaded.exited]);
  if (loading === 0 && saving === 0) return;
  // a reader that is gone ends who writes: then it was not the writer's fault
  const wasCutOff = loading !== 0 && (saved.signalCode === "SIGPIPE" || saving === 141);
  const [deed, store, status] =
    saving === 0 || wasCutOff
      ? (["load into", to.store, loading] as const)
      : (["read from", from.store, saving] as const);
  throw new CooperError(
    "helper-failed",
    `cannot ${deed} ${scpStoreName(store)}: its engine ended with status ${status}`,
    status === 255 && store.kind === "ssh"
      ? { hint: `status 255 is ssh's own: try ssh ${store.address} true` }
      : {},
  );
}

/** The engine of a store, told what to do. */
function wordsFor(host: Host, store: ScpStore, words: readonly string[]): string[] {
  if (store.kind === "own") return ownCommand(host, ...words);
  if (store.kind === "ssh") {
    const port = store.port === null ? [] : ["-p", `${store.port}`];
    return [needProgram("ssh"), ...port, "--", store.address, remoteCommand(words)];
  }
  const command = [process.execPath, ...words];
  return process.getuid?.() === 0
    ? [needProgram("su"), "--login", store.user, "--command", `exec ${command.join(" ")}`]
    : [needProgram("sudo"), "--login", "--user", store.user, "--", ...command];
}

/** For whatever shell the other user has there: sh(1) is on every machine. */
function remoteCommand(words: readonly string[]): string {
  const each = `command -v $engine > /dev/null 2>&1 && exec $engine ${words.join(" ")}`;
  return `sh -c 'for engine in cooper podman; do ${each}; done; echo "neither cooper nor podman is here" >&2; exit 127'`;
}
