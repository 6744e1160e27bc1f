/** Running git: by the program itself, bounded in what it says, its complaints in words that hold no secrets. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import { findProgram, needProgram } from "../../system/program.ts";
import type { GitRemote } from "./git-address.ts";
import {
  type GitAccess,
  type GitSurroundings,
  gitSettings,
  localGitEnv,
  remoteGitEnv,
} from "./git-environment.ts";
import { redactUrls } from "./url-text.ts";

/** A pack of more is no source of an image. */
const maxFileBytes = 64 * 2 ** 30;
const maxOutputBytes = 64 << 20;

export interface GitRun {
  readonly args: readonly string[];
  /** Where it works; what it makes there is as with a umask of 022. */
  readonly cwd: string;
  /** Whom it talks to; null: nobody. */
  readonly remote: { readonly at: GitRemote; readonly access: GitAccess } | null;
  readonly signal: AbortSignal;
}

/** Resolves to what git printed. @throws CooperError with the end of its complaints */
export async function git(run: GitRun): Promise<string> {
  let text = "";
  for await (const chunk of gitStream(run)) {
    text += Buffer.from(chunk).toString("latin1");
    if (text.length > maxOutputBytes)
      throw new CooperError("hostile", "git does not come to an end with what it prints");
  }
  return Buffer.from(text, "latin1").toString();
}

/** As git(), piece by piece; whoever stops reading ends it. */
export async function* gitStream(run: GitRun): AsyncGenerator<Uint8Array> {
  const child = spawn(run);
  const end = () => child.kill("SIGTERM");
  run.signal.addEventListener("abort", end, { once: true });
  try {
    const complaint = new Response(child.stderr).text();
    yield* child.stdout;
    const status = await child.exited;
    if (run.signal.aborted) throw new CooperError("cancelled", "fetching was cancelled");
    if (status !== 0) throw failure(run, await complaint);
  } finally {
    run.signal.removeEventListener("abort", end);
    if (child.exitCode === null) child.kill("SIGTERM");
    await child.exited;
  }
}

function spawn({ args, cwd, remote }: GitRun) {
  if (remote?.at.protocol === "ssh") needProgram("ssh");
  const around = surroundings();
  const limits = findProgram("prlimit");
  const umask = process.umask(0o022); // inherited: what is checked out has the modes that git names
  try {
    return Bun.spawn(
      [
        ...(limits === undefined ? [] : [limits, `--fsize=${maxFileBytes}`]),
        needProgram("git"),
        ...gitSettings,
        ...args,
      ],
      {
        cwd,
        env: remote === null ? localGitEnv(around) : remoteGitEnv(remote.at, remote.access, around),
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
  } finally {
    process.umask(umask);
  }
}

function surroundings(): GitSurroundings {
  const home = process.env.HOME ?? "/";
  return { env: process.env, home, sshFiles: namesIn(join(home, ".ssh")) };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter(
      (name) => name === "config" || /^id_[a-z0-9_]+$/.test(name),
    );
  } catch {
    return []; // none, or not for us to read
  }
}

function failure({ remote }: GitRun, complaint: string): CooperError {
  const lines = complaint
    .split("\n")
    .map((line) => line.replace(/^(?:fatal|error|remote): /, "").trim())
    .filter((line) => line !== "" && !/^(?:hint:|Cloning into|From )/.test(line));
  const why = redactUrls(lines.slice(0, 3).join("; ")).slice(0, 400) || "git failed";
  if (remote === null) return new CooperError("helper-failed", `git: ${why}`);
  const hint = hintFor(why, remote);
  return new CooperError("network", `failed to fetch ${remote.at.url}: ${why}`, {
    ...(hint !== undefined && { hint }),
  });
}

/** The cure, where git's own words tell what it is about. */
function hintFor(why: string, { at, access }: NonNullable<GitRun["remote"]>): string | undefined {
  if (/Host key verification failed/.test(why)) {
    return `the host is not known yet: ssh-keyscan ${at.host} >> ~/.ssh/known_hosts, and compare the key with what its owner says`;
  }
  if (/Permission denied \(/.test(why))
    return access.agent === null
      ? "hand over an agent that has the key: cooper build --ssh default"
      : "the agent has no key that the host takes: ssh-add FILE";
  if (/could not read Username|Authentication failed|terminal prompts disabled/.test(why))
    return "the repository is private or not there: cooper build --secret id=GIT_AUTH_TOKEN,src=FILE";
  if (at.protocol === "file" && /dubious ownership/.test(why)) {
    const path = at.url.replace("file://", "");
    return `it belongs to somebody else: git config --global --add safe.directory ${path}`;
  }
  return undefined;
}
