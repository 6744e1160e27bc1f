/** `system doctor`: whether this machine is fit, looked at and tried. */
import { mkdirSync } from "node:fs";
import { findRuntime } from "../container/runtime-choice.ts";
import { messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { isObject } from "../oci/json.ts";
import { ownCommand } from "../own-command.ts";
import { mountOverlay, unmount } from "../system/mount.ts";
import { isInUserNamespace } from "../system/userns.ts";
import type { HostCheck, TriedFacts } from "../why/host-facts.ts";
import { probeHost } from "../why/probe-host.ts";
import { checkHost } from "../why/rules/host.ts";

/** Looks at the machine, and has a child of ours try the rest within the user's namespace. */
export async function examineHost(host: Host): Promise<HostCheck[]> {
  const { root, run } = host.paths;
  const facts = probeHost({ root, run, canLimit: host.canLimit });
  return checkHost({ ...facts, tried: await tryInChild(host) });
}

async function tryInChild(host: Host): Promise<TriedFacts> {
  const child = Bun.spawn(ownCommand(host, "__try"), { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  const failure = /^Error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split("\n").at(-1) ?? "";
  try {
    const answer: unknown = JSON.parse(stdout);
    if (isObject(answer)) return { namespace: null, ...answer } as unknown as TriedFacts;
  } catch {
    // it did not get that far: its error tells why
  }
  return { namespace: failure, runtime: null, runtimeFailure: failure, overlay: null };
}

/** Within the namespace: which runtime works, and whether the kernel mounts overlays. */
export async function tryHost(host: Host): Promise<Omit<TriedFacts, "namespace">> {
  return { ...(await tryRuntime(host)), overlay: await tryOverlay(host) };
}

async function tryRuntime(host: Host): Promise<Pick<TriedFacts, "runtime" | "runtimeFailure">> {
  try {
    const { name, path } = await findRuntime(host, null, host.settings.cgroupManager);
    return { runtime: `${name} (${path})`, runtimeFailure: null };
  } catch (error) {
    return { runtime: null, runtimeFailure: messageOf(error) };
  }
}

async function tryOverlay(host: Host): Promise<string | null> {
  using stage = await openStage(host);
  const [target, lower, upper, work] = ["target", "lower", "upper", "work"].map((name) =>
    stage.next(name),
  ) as [string, string, string, string];
  for (const directory of [target, lower, upper, work]) mkdirSync(directory);
  try {
    mountOverlay(target, { lower: [lower], upper, work, userXattr: isInUserNamespace() });
  } catch (error) {
    return messageOf(error);
  }
  unmount(target);
  return null;
}
