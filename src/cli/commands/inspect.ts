/** `inspect`: documents about containers, images and volumes, whole or through a template. */

import type { Engine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, oneOf, string } from "../../option.ts";
import { type CommandContext, type CommandOptions, defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { latest, selectContainers } from "../select.ts";
import { compileTemplate } from "../template/template.ts";

const kinds = ["container", "image", "volume", "network"] as const;
type Kind = (typeof kinds)[number];

const format = {
  flag: "--format",
  short: "-f",
  type: { ...string, placeholder: "TEMPLATE" },
  help: "json, or a Go template",
} as const;
const size = {
  flag: "--size",
  short: "-s",
  type: flagSwitch,
  help: "Show the sizes of containers",
} as const;
const platform = {
  flag: "--platform",
  type: string,
  help: "Of an image for several platforms",
  refuse: "images are kept for one platform each",
} as const;

export const inspect = defineCommand({
  summary: "Show all that is known of containers, images or volumes",
  usage: "NAME [NAME...]",
  examples: ["cooper inspect web", "cooper inspect -f '{{.State.Status}}' web"],
  options: {
    format,
    size,
    latest,
    type: {
      flag: "--type",
      short: "-t",
      type: oneOf(...kinds, "all"),
      help: "What the names are",
      defaultText: "all",
    },
  },
  args: { min: 0 },
  completes: "container",
  staysOutside: true,
  run: async (context) => {
    const { engine, args, options } = context;
    const names = options.latest ? await selectContainers(engine, args, options) : args;
    return show(context, names, options.type ?? "all", options);
  },
});

export const containerInspect = defineCommand({
  summary: "Show all that is known of containers",
  usage: "CONTAINER [CONTAINER...]",
  options: { format, size, latest },
  args: { min: 0 },
  completes: "container",
  staysOutside: true,
  run: async (context) => {
    const { engine, args, options } = context;
    return show(context, await selectContainers(engine, args, options), "container", options);
  },
});

export const imageInspect = defineCommand({
  summary: "Show all that is known of images",
  usage: "IMAGE [IMAGE...]",
  options: { format, platform },
  args: { min: 1 },
  completes: "image",
  staysOutside: true,
  run: (context) => show(context, context.args, "image", context.options),
});

export const volumeInspect = defineCommand({
  summary: "Show all that is known of volumes",
  usage: "VOLUME [VOLUME...]",
  options: {
    format,
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "All volumes" },
  },
  args: { min: 0 },
  completes: "volume",
  staysOutside: true,
  run: async (context) => {
    const { engine, args, options } = context;
    const names = options.all
      ? (await engine.volumes.list([])).map(({ volume }) => volume.name)
      : args;
    if (options.all && names.length === 0) return show(context, [], "volume", options, true);
    return show(context, names, "volume", options);
  },
});

export const networkInspect = defineCommand({
  summary: "Show all that is known of networks",
  usage: "NETWORK [NETWORK...]",
  options: {
    format,
    verbose: {
      flag: "--verbose",
      short: "-v",
      type: flagSwitch,
      help: "Also services of a swarm",
      ignored: "there is no swarm mode",
    },
  },
  args: { min: 1 },
  completes: "network",
  staysOutside: true,
  run: (context) => show(context, context.args, "network", context.options),
});

/** What it takes to look things up and to tell what is missing. */
type Shower = Pick<CommandContext<CommandOptions>, "engine" | "fail">;

async function show(
  { engine, fail }: Shower,
  names: readonly string[],
  kind: Kind | "all",
  options: { readonly format?: string | undefined; readonly size?: boolean | undefined },
  mayBeNone = false,
): Promise<number> {
  if (names.length === 0 && !mayBeNone)
    throw new CooperError("invalid-argument", "nothing was named");
  const isJson = options.format === undefined || options.format === "json";
  const template = isJson ? undefined : compileTemplate(options.format ?? "");
  const documents: unknown[] = [];
  let status = 0;
  for (const name of names) {
    try {
      const document = await documentOf(engine, name, kind, options.size ?? false);
      if (template === undefined) documents.push(document);
      else print(`${template.render(document)}\n`);
    } catch (error) {
      status = await fail(error);
    }
  }
  if (template === undefined) print(`${JSON.stringify(documents, null, 4)}\n`);
  return status;
}

/** How each kind of object is looked up, in the order in which `inspect` without a type tries them. */
const finders: Readonly<
  Record<Kind, (engine: Engine, name: string, withSize: boolean) => Promise<unknown>>
> = {
  container: containerDocument,
  image: (engine, name) => engine.images.inspect(name),
  volume: (engine, name) => engine.volumes.inspect(name),
  network: (engine, name) => engine.networks.inspect(name),
};

const isMissing = (error: unknown) =>
  error instanceof CooperError &&
  ["no-such-container", "no-such-image", "no-such-network", "no-such-object"].includes(error.code);

async function documentOf(
  engine: Engine,
  name: string,
  kind: Kind | "all",
  withSize: boolean,
): Promise<unknown> {
  if (kind !== "all") return finders[kind](engine, name, withSize);
  for (const find of Object.values(finders)) {
    try {
      return await find(engine, name, withSize);
    } catch (error) {
      // a kind of thing that this caller cannot have at all is not what was meant
      const cannotBe = error instanceof CooperError && error.code === "not-supported";
      if (!isMissing(error) && !cannotBe) throw error;
    }
  }
  throw new CooperError("no-such-object", `no such object: ${name}`);
}

async function containerDocument(engine: Engine, name: string, withSize: boolean) {
  const document = await engine.containers.inspect(name);
  if (!withSize) return document;
  const sizes = await engine.containers.sizes(
    await engine.containers.list([`id=${String(document.Id)}`]),
  );
  const found = sizes.get(String(document.Id));
  return { ...document, SizeRw: found?.writable ?? 0, SizeRootFs: found?.total ?? 0 };
}
