/** Programs that a host has run at the stages of its containers' lives: oci-hooks(5), schema 1.0.0. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import {
  type HookStage,
  hookStages,
  type RuntimeHook,
  type RuntimeHooks,
  type RuntimeSpec,
} from "../oci/runtime-spec.ts";
import type { ContainerSpec } from "./spec.ts";

/** What a hook's conditions look at. */
interface Circumstances {
  readonly annotations: Readonly<Record<string, string>>;
  readonly command: string;
  readonly hasBindMounts: boolean;
}

/** Podman's own stage besides those of the runtime: the hook reads config.json and writes a changed one. */
type Stage = HookStage | "precreate";

/** A file of a hooks directory. */
export interface HookFile {
  readonly name: string;
  readonly hook: RuntimeHook;
  readonly stages: readonly Stage[];
  matches(circumstances: Circumstances): boolean;
}

/** The config with the hooks that are meant for this container. Later directories go before earlier ones. */
export async function withHooks(
  directories: readonly string[],
  spec: Pick<ContainerSpec, "mounts">,
  config: RuntimeSpec,
): Promise<RuntimeSpec> {
  const files = readHooks(directories);
  if (files.length === 0) return config;
  const circumstances = {
    annotations: config.annotations ?? {},
    command: config.process.args[0] ?? "",
    hasBindMounts: spec.mounts.some(({ kind }) => kind === "bind"),
  };
  const wanted = files.filter((file) => file.matches(circumstances));
  let changed = { ...config, hooks: mergeHooks(config.hooks ?? {}, wanted) };
  for (const { hook, stages, name } of wanted)
    if (stages.includes("precreate")) changed = await runPrecreate(name, hook, changed);
  return changed;
}

function mergeHooks(own: RuntimeHooks, files: readonly HookFile[]): RuntimeHooks {
  const merged: Partial<Record<HookStage, readonly RuntimeHook[]>> = { ...own };
  for (const { hook, stages } of files)
    for (const stage of hookStages)
      if (stages.includes(stage)) merged[stage] = [...(merged[stage] ?? []), hook];
  return merged;
}

/** In the order of their names; one with the same name in a later directory takes the place of an earlier. */
export function readHooks(directories: readonly string[]): HookFile[] {
  const paths = new Map<string, string>();
  for (const directory of directories)
    for (const name of hookNames(directory)) paths.set(name, join(directory, name));
  return [...paths]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, path]) => {
      try {
        return decodeHook(name, JSON.parse(readFileSync(path, "utf8")));
      } catch (cause) {
        throw new CooperError("invalid-argument", `hook ${path}: ${messageOf(cause)}`, { cause });
      }
    });
}

function hookNames(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (errnoName(error) === "ENOENT") return [];
    throw error;
  }
}

/** @throws Error that says what is wrong */
export function decodeHook(name: string, value: unknown): HookFile {
  if (!isObject(value)) throw new Error("not a JSON object");
  if (value.version !== "1.0.0")
    throw new Error(`version ${JSON.stringify(value.version)} is not known, only "1.0.0"`);
  const { hook, when, stages } = value;
  if (!isObject(hook) || typeof hook.path !== "string" || !hook.path.startsWith("/"))
    throw new Error("hook.path must be an absolute path");
  if (!existsSync(hook.path)) throw new Error(`hook.path ${hook.path} does not exist`);
  if (!isObject(when)) throw new Error("when is missing");
  const known: readonly string[] = [...hookStages, "precreate"];
  const named = stringsOf(stages, "stages") ?? [];
  const odd = named.find((stage) => !known.includes(stage));
  if (named.length === 0 || odd !== undefined)
    throw new Error(`stages must be of ${known.join(", ")}`);
  const { timeout } = hook;
  if (timeout !== undefined && (typeof timeout !== "number" || timeout <= 0))
    throw new Error("hook.timeout must be a number of seconds above 0");
  const args = stringsOf(hook.args, "hook.args");
  const env = stringsOf(hook.env, "hook.env");
  return {
    name,
    hook: {
      path: hook.path,
      ...(args !== undefined && { args }),
      ...(env !== undefined && { env }),
      ...(timeout !== undefined && { timeout }),
    },
    stages: named as Stage[],
    matches: conditions(when),
  };
}

/** All conditions that are there must hold, and at least one must be. */
function conditions(when: Readonly<Record<string, unknown>>): HookFile["matches"] {
  const { always, hasBindMounts, annotations } = when;
  const commands = (stringsOf(when.commands, "when.commands") ?? []).map(pattern);
  if (annotations !== undefined && !isObject(annotations))
    throw new Error("when.annotations must be a table of patterns");
  const pairs = Object.entries(annotations ?? {}).map(([key, value]) => {
    if (typeof value !== "string") throw new Error("when.annotations must be a table of patterns");
    return [pattern(key), pattern(value)] as const;
  });
  return (circumstances) => {
    const held = [
      ...(typeof always === "boolean" ? [always] : []),
      ...(typeof hasBindMounts === "boolean" ? [hasBindMounts && circumstances.hasBindMounts] : []),
      ...pairs.map(([key, value]) =>
        Object.entries(circumstances.annotations).some(
          ([name, text]) => key.test(name) && value.test(text),
        ),
      ),
      ...(commands.length > 0 ? [commands.some((one) => one.test(circumstances.command))] : []),
    ];
    return held.length > 0 && held.every(Boolean);
  };
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new Error(`${JSON.stringify(text)} is no regular expression`);
  }
}

function stringsOf(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new Error(`${what} must be a list of texts`);
}

/** Its answer is the host administrator's word, as the file is; that it is a config is all that is checked. */
async function runPrecreate(
  name: string,
  hook: RuntimeHook,
  config: RuntimeSpec & { hooks: RuntimeHooks },
): Promise<RuntimeSpec & { hooks: RuntimeHooks }> {
  const [, ...args] = hook.args ?? [];
  const child = Bun.spawn([hook.path, ...args], {
    env: Object.fromEntries((hook.env ?? []).map((pair) => pair.split(/=(.*)/s, 2))),
    stdio: [new Response(JSON.stringify(config)), "pipe", "pipe"],
    timeout: (hook.timeout ?? 10) * 1000,
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const exitCode = await child.exited;
  if (exitCode !== 0)
    throw new CooperError("helper-failed", `hook ${name}: exit ${exitCode}: ${stderr.trim()}`);
  const answer: unknown = JSON.parse(stdout === "" ? JSON.stringify(config) : stdout);
  if (!isObject(answer) || !isObject(answer.process) || !isObject(answer.linux))
    throw new CooperError("helper-failed", `hook ${name} did not answer with a config.json`);
  return { hooks: {}, ...(answer as unknown as RuntimeSpec) };
}
