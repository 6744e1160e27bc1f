/** `mount` and `unmount`, of images and containers. */
import type { Engine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, oneOf } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { latest, selectContainers } from "../select.ts";

const format = {
  flag: "--format",
  type: oneOf("json"),
  help: "As a document instead of a table",
} as const;
const all = { flag: "--all", short: "-a", type: flagSwitch, help: "All of them" } as const;
const insideNote = "As an ordinary user the files are reached within `cooper unshare`.";

export const containerMount = defineCommand({
  summary: "Show the files of containers as directories",
  usage: "[CONTAINER...]",
  description: `Without a name: those that are mounted. ${insideNote}`,
  options: {
    all,
    format,
    latest,
    noTrunc: { flag: "--no-trunc", type: flagSwitch, help: "Whole ids" },
  },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options }) {
    const isAsked = args.length > 0 || options.all === true || options.latest === true;
    if (!isAsked) {
      const mounted = await engine.containers.mounted();
      if (options.format !== undefined) return print(json(mounted.map(containerJson)));
      const idOf = (id: string) => (options.noTrunc ? id : id.slice(0, 12));
      return print(mounted.map(({ id, path }) => `${idOf(id)} ${path}\n`).join(""));
    }
    const names = await selectContainers(engine, args, options);
    const mounted = [];
    for (const name of names) mounted.push(await engine.containers.mount(name));
    if (options.format !== undefined) return print(json(mounted.map(containerJson)));
    // the path alone is what scripts assign to a variable
    if (args.length === 1 || options.latest) return print(`${mounted[0]?.path}\n`);
    print(mounted.map(({ id, path }) => `${id} ${path}\n`).join(""));
  },
});

const json = (list: readonly object[]) => `${JSON.stringify(list, null, 4)}\n`;
const containerJson = ({ id, name, path }: { id: string; name: string; path: string }) => ({
  id,
  Names: [name],
  mountpoint: path,
});

export const containerUnmount = defineCommand({
  summary: "End what mount began",
  usage: "CONTAINER [CONTAINER...]",
  options: {
    all,
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "One that is not mounted is no error",
    },
    latest,
  },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, forEach }) {
    const mounted = new Set((await engine.containers.mounted()).map(({ id }) => id));
    const isStill = ({ id, state }: { id: string; state: string }) =>
      mounted.has(id) && !["running", "paused"].includes(state);
    const names = await selectContainers(engine, args, options, isStill);
    return forEach(names, (name) => quietly(options.force, engine.containers.unmount(name)));
  },
});

/** By force, what is unmounted already is as good. */
async function quietly(isForced: boolean | undefined, act: Promise<string>): Promise<string> {
  try {
    return await act;
  } catch (error) {
    const isMild = error instanceof CooperError && / is not mounted$/.test(error.message);
    if (isForced && isMild) return "";
    throw error;
  }
}

export const imageMount = defineCommand({
  summary: "Show the files of images as directories",
  usage: "[IMAGE...]",
  description: `Without a name: those that are mounted. ${insideNote}`,
  options: { all, format },
  args: { min: 0 },
  completes: "image",
  async run({ engine, args, options }) {
    if (args.length === 0 && !options.all) return showImages(engine, options.format);
    const names = options.all ? await allImages(engine) : args;
    const mounted = [];
    for (const name of names) mounted.push(await engine.images.mount(name));
    if (options.format !== undefined) return print(json(mounted.map(imageJson)));
    if (args.length === 1) return print(`${mounted[0]?.path}\n`);
    print(mounted.map(({ image, path }) => `${image.id} ${path}\n`).join(""));
  },
});

async function showImages(engine: Engine, how: "json" | undefined): Promise<void> {
  const mounted = await engine.images.mounted();
  if (how !== undefined) return print(json(mounted.map(imageJson)));
  print(mounted.map(({ image, path }) => `${image.names[0] ?? image.id} ${path}\n`).join(""));
}

const allImages = async (engine: Engine): Promise<string[]> =>
  (await engine.images.list({ all: true })).map(({ image }) => image.id);

const imageJson = ({ image, path }: Awaited<ReturnType<Engine["images"]["mount"]>>) => ({
  id: image.id,
  Repositories: image.names,
  mountpoint: path,
});

export const imageUnmount = defineCommand({
  summary: "End what image mount began",
  usage: "IMAGE [IMAGE...]",
  options: {
    all,
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "One that is not mounted is no error",
    },
  },
  args: { min: 0 },
  completes: "image",
  async run({ engine, args, options, forEach }) {
    if (args.length === 0 && !options.all)
      throw new CooperError("invalid-argument", "no image was named", {
        hint: "name one or more, or use --all",
      });
    const names = options.all ? (await engine.images.mounted()).map(({ image }) => image.id) : args;
    return forEach(names, (name) => quietly(options.force, engine.images.unmount(name)));
  },
});
