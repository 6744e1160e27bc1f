/** `inspect`: documents about containers and images, whole or through a template. */

import type { Engine } from "../../engine.ts";
import { CooperError, exitStatus } from "../../errors.ts";
import { flagSwitch, oneOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { complain, print } from "../output.ts";
import { latest, selectContainers } from "../select.ts";
import { compileTemplate } from "../template/template.ts";

type Kind = "container" | "image" | "all";

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
  summary: "Show all that is known of containers or images",
  usage: "NAME [NAME...]",
  examples: ["cooper inspect web", "cooper inspect -f '{{.State.Status}}' web"],
  options: {
    format,
    size,
    latest,
    type: {
      flag: "--type",
      short: "-t",
      type: oneOf("container", "image", "all"),
      help: "What the names are",
      defaultText: "all",
    },
  },
  args: { min: 0 },
  completes: "container",
  staysOutside: true,
  run: async ({ engine, args, options }) => {
    const names = options.latest ? await selectContainers(engine, args, options) : args;
    return show(engine, names, options.type ?? "all", options);
  },
});

export const containerInspect = defineCommand({
  summary: "Show all that is known of containers",
  usage: "CONTAINER [CONTAINER...]",
  options: { format, size, latest },
  args: { min: 0 },
  completes: "container",
  staysOutside: true,
  run: async ({ engine, args, options }) =>
    show(engine, await selectContainers(engine, args, options), "container", options),
});

export const imageInspect = defineCommand({
  summary: "Show all that is known of images",
  usage: "IMAGE [IMAGE...]",
  options: { format, platform },
  args: { min: 1 },
  completes: "image",
  staysOutside: true,
  run: ({ engine, args, options }) => show(engine, args, "image", options),
});

async function show(
  engine: Engine,
  names: readonly string[],
  kind: Kind,
  options: { readonly format?: string | undefined; readonly size?: boolean | undefined },
): Promise<number> {
  if (names.length === 0) throw new CooperError("invalid-argument", "nothing was named");
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
      complain(error);
      status = error instanceof CooperError ? exitStatus[error.code] : 125;
    }
  }
  if (template === undefined) print(`${JSON.stringify(documents, null, 4)}\n`);
  return status;
}

async function documentOf(
  engine: Engine,
  name: string,
  kind: Kind,
  withSize: boolean,
): Promise<unknown> {
  if (kind !== "image") {
    try {
      const document = await engine.containers.inspect(name);
      if (withSize) {
        const sizes = await engine.containers.sizes(
          await engine.containers.list([`id=${String(document.Id)}`]),
        );
        const found = sizes.get(String(document.Id));
        return { ...document, SizeRw: found?.writable ?? 0, SizeRootFs: found?.total ?? 0 };
      }
      return document;
    } catch (error) {
      if (
        kind === "container" ||
        !(error instanceof CooperError) ||
        error.code !== "no-such-container"
      )
        throw error;
    }
  }
  try {
    return await engine.images.inspect(name);
  } catch (error) {
    if (kind === "image" || !(error instanceof CooperError) || error.code !== "no-such-image")
      throw error;
    throw new CooperError("no-such-object", `no such object: ${name}`);
  }
}
