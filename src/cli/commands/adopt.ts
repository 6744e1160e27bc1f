/** `system adopt`: what Podman or Docker have on this machine, taken over. */
import { CooperError } from "../../errors.ts";
import type { Adoption, AdoptResult, AdoptStep } from "../../image/adopt.ts";
import type { ForeignImage } from "../../image/foreign-store.ts";
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { humanSize, imageSize } from "../human.ts";
import { print, tell } from "../output.ts";

export const adopt = defineCommand({
  summary: "Take over the images and volumes of Podman or Docker",
  usage: "",
  description:
    "Copies what an existing Podman or Docker has on this machine, without a download: images with their names, ids and digests, and the contents of named volumes. Their stores are only read. Begun again it goes on where it was broken off. Stop containers that write to the volumes first. An ordinary user takes over what is that user's own.",
  examples: [
    "cooper system adopt --dry-run",
    "cooper system adopt --from podman --images-only",
    "cooper system adopt --from /mnt/old-disk/var/lib/docker --rename",
  ],
  options: {
    from: {
      flag: "--from",
      type: { ...string, placeholder: "podman|docker|PATH", choices: ["podman", "docker"] },
      help: "The engine, or the root of its store",
      defaultText: "both",
    },
    dryRun: {
      flag: "--dry-run",
      type: flagSwitch,
      help: "Show what would be taken, and take nothing",
    },
    imagesOnly: { flag: "--images-only", type: flagSwitch, help: "No volumes" },
    volumesOnly: { flag: "--volumes-only", type: flagSwitch, help: "No images" },
    rename: {
      flag: "--rename",
      type: flagSwitch,
      help: "A name that is taken here gets -podman or -docker at its end",
    },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options, fail }) {
    if (options.imagesOnly && options.volumesOnly)
      throw new CooperError(
        "invalid-argument",
        "--images-only and --volumes-only exclude each other",
      );
    const adoptions = await engine.system.planAdoption({
      from: options.from ?? null,
      images: !options.volumesOnly,
      volumes: !options.imagesOnly,
      renames: options.rename ?? false,
    });
    let status = 0;
    for (const { store, steps } of adoptions) {
      print(`${heading({ store, steps })}\n`);
      for (const step of steps) {
        if (options.dryRun) print(`${planned(step)}\n`);
        else if (step.action === "done") print(`${titleOf(step)}: is here already\n`);
        else {
          try {
            print(`${done(step, await engine.system.adopt(store, step))}\n`);
          } catch (error) {
            status = await fail(error);
            if (status === 130) return status;
          }
        }
      }
      if (!options.dryRun) tell(`The store of ${store.engine} at ${store.root} was only read.\n`);
    }
    return status;
  },
});

function heading({ store, steps }: Adoption): string {
  const count = (kind: string) => {
    const number = steps.filter((step) => step.kind === kind).length;
    return `${number} ${kind}${number === 1 ? "" : "s"}`;
  };
  return `${store.engine} at ${store.root}: ${count("image")}, ${count("volume")}`;
}

function titleOf(step: AdoptStep): string {
  return step.kind === "image" ? `image ${titleOfImage(step.image)}` : `volume ${step.volume.name}`;
}

function titleOfImage({ id, names }: ForeignImage): string {
  const [first] = names;
  return first === undefined ? id.slice(0, 12) : `${first} (${id.slice(0, 12)})`;
}

function planned(step: AdoptStep): string {
  const title = titleOf(step);
  if (step.kind === "volume") {
    if (step.action === "refuse") return `${title}: would be left: ${step.why}`;
    if (step.action === "done") return `${title}: is here already`;
    return `${title}: would be taken${step.name === step.volume.name ? "" : ` as ${step.name}`}`;
  }
  const size = step.image.size === null ? "" : ` (${humanSize(step.image.size)})`;
  if (step.action === "done") return `${title}: is here already${leftNames(step)}`;
  const what = step.action === "take" ? `would be taken${size}` : "is here and would be named";
  return `${title}: ${what}${newNames(step)}${leftNames(step)}`;
}

function done(step: AdoptStep, result: AdoptResult): string {
  const title = titleOf(step);
  if (step.kind === "volume") {
    const as = step.name === step.volume.name ? "" : ` as ${step.name}`;
    return `${title}: taken${as} (${humanSize(result.bytes)} in ${result.files} files)`;
  }
  const what = step.action === "take" ? `taken (${imageSize(result.bytes)})` : "named";
  return `${title}: ${what}${newNames(step)}${leftNames(step)}`;
}

type ImageStep = Extract<AdoptStep, { kind: "image" }>;

/** Names that it has here besides the one that its title shows. */
function newNames({ names, image }: ImageStep): string {
  const others = names.filter((name) => name !== image.names[0]);
  return others.length === 0 ? "" : `, as ${others.join(", ")}`;
}

function leftNames({ taken }: ImageStep): string {
  return taken.length === 0 ? "" : `; without ${taken.join(", ")}, which is another image here`;
}
