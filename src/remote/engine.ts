/** An engine elsewhere as an Engine: the same verbs over Docker's API, each noun's file loaded on first use. */

import { object } from "../api/docker/reading.ts";
import { versionText } from "../api/versions.ts";
import type { Networks } from "../engine/networks.ts";
import type { Registries } from "../engine/registries.ts";
import type {
  BuildVerbs,
  ContainerVerbs,
  Engine,
  EventsOptions,
  ImageVerbs,
  SystemVerbs,
  Verbs,
  VolumeVerbs,
} from "../engine.ts";
import { CooperError } from "../errors.ts";
import { Client } from "./client.ts";
import type { Target } from "./target.ts";

/** @param command what is asked of it, for errors about what it cannot have */
export function remoteEngine(target: Target, command: string): Engine {
  const client = new Client(target);
  const here = () =>
    new CooperError("not-supported", `cooper ${command} works on the engine of this machine only`, {
      hint: `it was asked of ${target.url}; --remote=false asks the engine here`,
    });
  const verbs = <T extends object>(load: () => Promise<Partial<T>>): T => verbsOf(load, here);
  const none = <T extends object>() => verbs<T>(() => Promise.resolve({}));
  return {
    builds: verbs<BuildVerbs>(async () => {
      return new (await import("./builds.ts")).RemoteBuilds(client, here);
    }),
    containers: verbs<ContainerVerbs>(async () => {
      return new (await import("./containers.ts")).RemoteContainers(client, here);
    }),
    images: verbs<ImageVerbs>(async () => {
      return new (await import("./images.ts")).RemoteImages(client, here);
    }),
    networks: verbs<Verbs<Networks>>(async () => {
      return new (await import("./networks.ts")).RemoteNetworks(client, here);
    }),
    volumes: verbs<VolumeVerbs>(async () => {
      return new (await import("./volumes.ts")).RemoteVolumes(client, here);
    }),
    system: verbs<SystemVerbs>(async () => {
      return new (await import("./system.ts")).RemoteSystem(client, here);
    }),
    registries: verbs<Verbs<Registries>>(async () => {
      return new (await import("./registries.ts")).RemoteRegistries(client);
    }),
    manifests: none(),
    secrets: none(),
    sessions: none(),
    snapshots: none(),
    remote: {
      url: target.url,
      async version() {
        const { version } = await client.peer();
        return {
          spoken: versionText(version),
          document: object(await client.json("GET", "/version")),
        };
      },
      async foreignInfo() {
        const { kind } = await client.peer();
        return kind === "cooper" ? null : object(await client.json("GET", "/info"));
      },
    },
    get host(): never {
      throw here();
    },
    async events(options: EventsOptions) {
      return (await import("./events.ts")).remoteEvents(client, options);
    },
    stayResponsive: () => Promise.reject(here()),
    releaseMemory: () => Promise.reject(here()),
  };
}

/** Verbs whose file is loaded when the first of them is called; those that it lacks are refused. */
function verbsOf<T extends object>(load: () => Promise<Partial<T>>, refusal: () => CooperError): T {
  let loaded: Promise<Partial<T>> | undefined;
  return new Proxy({} as T, {
    get:
      (_, name) =>
      async (...args: unknown[]): Promise<unknown> => {
        loaded ??= load();
        const noun = await loaded;
        const verb = noun[name as keyof T] as ((...of: unknown[]) => unknown) | undefined;
        if (typeof verb !== "function") throw refusal();
        return verb.apply(noun, args);
      },
  });
}
