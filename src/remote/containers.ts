/** Verbs on containers of an engine elsewhere. */
import { signalText, updateBodyOf } from "../api/docker/body.ts";
import { readContainer } from "../api/docker/read-container.ts";
import { readStats } from "../api/docker/read-stats.ts";
import {
  hex,
  list,
  names,
  number,
  object,
  objects,
  ownPart,
  text,
  texts,
} from "../api/docker/reading.ts";
import type { SessionEnd, SessionOptions } from "../container/attach.ts";
import type { CommitOptions } from "../container/commit.ts";
import type { CopyOptions } from "../container/copy/copy.ts";
import type { CopyEnd } from "../container/copy/plan.ts";
import type { CreateOptions } from "../container/create.ts";
import type { ExecOptions } from "../container/exec.ts";
import type { TarOutput } from "../container/export.ts";
import type { ListedContainer } from "../container/listed.ts";
import type { LogEntry, LogOptions } from "../container/logs.ts";
import type { RemoveOptions } from "../container/remove.ts";
import type { RunOptions } from "../container/run.ts";
import type { ContainerSpec } from "../container/spec.ts";
import type { ContainerStats, StatsOptions } from "../container/stats.ts";
import type { StopOptions } from "../container/stop.ts";
import type { ProcessTable } from "../container/top.ts";
import type { UpdateOptions } from "../container/update.ts";
import type { PrunedContainers } from "../container/verbs.ts";
import type { ContainerVerbs } from "../engine.ts";
import { CooperError } from "../errors.ts";
import type { Change } from "../layer/changes.ts";
import type { Client } from "./client.ts";
import { filtersText, fullNames } from "./names.ts";

const at = (name: string) => `/containers/${encodeURIComponent(name)}`;

/** See Containers: what Docker's API has of it. */
export class RemoteContainers implements Partial<ContainerVerbs> {
  private readonly client: Client;
  private readonly here: () => CooperError;

  /** @param here the error for what only the engine of this machine can do */
  constructor(client: Client, here: () => CooperError) {
    this.client = client;
    this.here = here;
  }

  async list(filters: readonly string[] = [], withBuilds = false): Promise<ListedContainer[]> {
    if (withBuilds) throw this.here();
    const query = { all: true, filters: filtersText(filters) };
    const items = objects(await this.client.json("GET", "/containers/json", { query }));
    const fullName = fullNames(await this.client.peer());
    return items.map((item) => readContainer(item, fullName)).reverse();
  }

  async sizes(
    of: readonly { readonly id: string }[],
  ): Promise<Map<string, { writable: number; total: number }>> {
    const query = { all: true, size: true };
    const items = objects(await this.client.json("GET", "/containers/json", { query }));
    const asked = new Set(of.map(({ id }) => id));
    return new Map(
      items
        .filter(({ Id }) => asked.has(text(Id)))
        .map((item) => [
          text(item.Id),
          { writable: number(item.SizeRw), total: number(item.SizeRootFs) },
        ]),
    );
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    const document = object(await this.client.json("GET", `${at(name)}/json`));
    return ownPart(document) ?? document;
  }

  async get(
    name: string,
  ): Promise<{ id: string; name: string; hasTty: boolean; hasStdin: boolean }> {
    const document = object(await this.client.json("GET", `${at(name)}/json`));
    const config = object(document.Config);
    return {
      id: text(document.Id),
      name: text(document.Name).replace(/^\//, ""),
      hasTty: config.Tty === true,
      hasStdin: config.OpenStdin === true,
    };
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.get(name);
      return true;
    } catch (error) {
      if (error instanceof CooperError && error.code === "no-such-container") return false;
      throw error;
    }
  }

  async create(spec: ContainerSpec, options: CreateOptions): Promise<{ id: string }> {
    return (await import("./create.ts")).createElsewhere(this.client, spec, options);
  }

  async run(spec: ContainerSpec, options: RunOptions): Promise<number> {
    return (await import("./run.ts")).runElsewhere(this.client, spec, options);
  }

  async start(name: string): Promise<string> {
    await this.client.act("POST", `${at(name)}/start`);
    return name;
  }

  async startAttached(name: string, options: SessionOptions): Promise<SessionEnd> {
    return (await import("./run.ts")).startAttached(this.client, await this.get(name), options);
  }

  async attach(name: string, options: SessionOptions): Promise<SessionEnd> {
    return (await import("./run.ts")).attachElsewhere(this.client, name, options);
  }

  async exec(name: string, options: ExecOptions): Promise<number | string> {
    return (await import("./exec.ts")).execElsewhere(this.client, name, options);
  }

  private ending({ graceSeconds, signal, stoppedBy }: StopOptions) {
    if (stoppedBy !== undefined) throw this.here();
    return { t: graceSeconds, signal: signalText(signal) };
  }

  async stop(name: string, options: StopOptions): Promise<string> {
    await this.client.act("POST", `${at(name)}/stop`, { query: this.ending(options) });
    return name;
  }

  async restart(name: string, options: StopOptions): Promise<string> {
    await this.client.act("POST", `${at(name)}/restart`, { query: this.ending(options) });
    return name;
  }

  async kill(name: string, signal: number): Promise<string> {
    await this.client.act("POST", `${at(name)}/kill`, { query: { signal: signalText(signal) } });
    return name;
  }

  async pause(name: string): Promise<string> {
    await this.client.act("POST", `${at(name)}/pause`);
    return name;
  }

  async unpause(name: string): Promise<string> {
    await this.client.act("POST", `${at(name)}/unpause`);
    return name;
  }

  async rename(name: string, newName: string): Promise<void> {
    await this.client.act("POST", `${at(name)}/rename`, { query: { name: newName } });
  }

  async remove(name: string, options: RemoveOptions): Promise<string> {
    const { force, volumes, graceSeconds } = options;
    if (force && graceSeconds !== null) await this.stop(name, { graceSeconds, signal: null });
    await this.client.act("DELETE", at(name), { query: { force, v: volumes } });
    return name;
  }

  async prune(filters: readonly string[]): Promise<PrunedContainers> {
    const query = { filters: filtersText(filters) };
    const document = object(await this.client.json("POST", "/containers/prune", { query }));
    return {
      ids: names(document.ContainersDeleted),
      reclaimedBytes: number(document.SpaceReclaimed),
      bytes: new Map(),
    };
  }

  async update(name: string, spec: ContainerSpec, options: UpdateOptions): Promise<string> {
    const { env, unsetEnv, health, resources } = spec;
    const cannot =
      env.length + unsetEnv.length + resources.ulimits.length > 0 ||
      Object.values(health).some((value) => value !== null);
    if (cannot)
      throw new CooperError(
        "not-supported",
        "environment, ulimits and health checks of a container elsewhere cannot be changed: Docker's API has no words for it",
      );
    const json = updateBodyOf(spec, options.setsRestart);
    await this.client.act("POST", `${at(name)}/update`, { json });
    return name;
  }

  async wait(name: string, conditions: readonly string[]): Promise<number> {
    const words: Record<string, string> = {
      stopped: "not-running",
      exited: "not-running",
      "not-running": "not-running",
      "next-exit": "next-exit",
      removed: "removed",
    };
    const [condition = "stopped", ...others] = conditions;
    const word = words[condition];
    if (word === undefined || others.length > 0)
      throw new CooperError(
        "not-supported",
        `containers elsewhere can be waited for until they are one of ${Object.keys(words).join(", ")}`,
      );
    const query = { condition: word };
    const document = object(await this.client.json("POST", `${at(name)}/wait`, { query }));
    return number(document.StatusCode);
  }

  async top(name: string, words: readonly string[]): Promise<ProcessTable> {
    const { kind } = await this.client.peer();
    const ps_args = words.join(" ") || (kind === "docker" ? "-ef" : "");
    // a Cooper reads an empty text as its own default, and no text as Docker's
    const query = ps_args === "" && kind === "podman" ? {} : { ps_args };
    const document = object(await this.client.json("GET", `${at(name)}/top`, { query }));
    return {
      headings: texts(document.Titles),
      rows: list(document.Processes).map(texts),
    };
  }

  async changes(name: string): Promise<Change[]> {
    const kinds = ["C", "A", "D"] as const;
    return objects(await this.client.json("GET", `${at(name)}/changes`)).map((item) => ({
      kind: kinds[number(item.Kind)] ?? "C",
      path: Buffer.from(text(item.Path)).toString("latin1"),
    }));
  }

  async commit(name: string, options: CommitOptions): Promise<{ id: string }> {
    if (options.squashes || options.includesVolumes || options.family === "oci") throw this.here();
    const { name: target } = options;
    const colon = target === null ? -1 : target.indexOf(":", target.lastIndexOf("/") + 1);
    const document = object(
      await this.client.json("POST", "/commit", {
        query: {
          container: name,
          repo: colon < 0 ? target : target?.slice(0, colon),
          tag: colon < 0 ? null : target?.slice(colon + 1),
          author: options.author,
          comment: options.message,
          changes: options.changes,
          pause: options.pauses === false ? "0" : "1",
        },
        json: options.config,
      }),
    );
    return { id: hex(document.Id) };
  }

  async export(name: string, output: TarOutput): Promise<void> {
    const { body } = await this.client.open("GET", `${at(name)}/export`);
    await (await import("../container/export.ts")).writeTar(body, output);
  }

  async copy(from: CopyEnd, to: CopyEnd, options: CopyOptions): Promise<number> {
    return (await import("./copy.ts")).copyElsewhere(this.client, from, to, options);
  }

  async logs(name: string, options: LogOptions): Promise<AsyncGenerator<LogEntry[]>> {
    return (await import("./logs.ts")).logsElsewhere(this.client, await this.get(name), options);
  }

  async stats(
    names: readonly string[] | null,
    options: StatsOptions & { readonly all: boolean },
  ): Promise<AsyncGenerator<ContainerStats[], void>> {
    const ids = names === null ? null : await Promise.all(names.map((name) => this.get(name)));
    const { client } = this;
    const look = async () => {
      const all = ids ?? (await this.list());
      const wanted =
        ids === null && !options.all
          ? (all as ListedContainer[]).filter(
              ({ state }) => state === "running" || state === "paused",
            )
          : all;
      return Promise.all(
        wanted.map(async ({ id }) => {
          const query = { stream: "0" };
          const stats = readStats(object(await client.json("GET", `${at(id)}/stats`, { query })));
          return stats.id === "" ? { ...stats, id } : stats; // Podman leaves it out
        }),
      );
    };
    return (async function* () {
      for (;;) {
        yield await look();
        await Bun.sleep(Math.max(0, options.intervalMs - 1000)); // a look takes a second by itself
      }
    })();
  }
}
