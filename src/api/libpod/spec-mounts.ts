/** What Podman's SpecGenerator says of mounts, as texts of options. Pure. */
import { propagations, volumeName } from "../../container/options/mount-syntax.ts";
import { CooperError } from "../../errors.ts";
import type { Document } from "../document.ts";
import { csvLine, type Row } from "../spec-rows.ts";

/** `mounts` is of the OCI runtime spec: one list, three options. */
export const mountRows: readonly Row[] = [
  [
    "mounts",
    "--tmpfs",
    (at, name) =>
      ofType(at, name, (type) => type === "tmpfs").map((mount) =>
        [mount.string("destination"), ...optionsOf(mount, "options")].join(":"),
      ),
  ],
  ["mounts", "--mount", (at, name) => ofType(at, name, (type) => type !== "tmpfs").map(mountText)],
];

const ofType = (at: Document, name: string, isWanted: (type: string) => boolean) =>
  at.documents(name).filter((mount) => isWanted(mount.string("type") || "bind"));

/** At most one text. */
function optionsOf(mount: Document, name: string): string[] {
  const words = mount.strings(name);
  return words.length === 0 ? [] : [words.join(",")];
}

/** Words of `-v` as keys of `--mount`, which can name any path. */
function keyOf(word: string): string[] {
  if (propagations.includes(word)) return [`bind-propagation=${word}`];
  if (word === "z" || word === "Z") return [`relabel=${word === "z" ? "shared" : "private"}`];
  if (word === "bind") return ["bind-nonrecursive=true"];
  if (word === "rbind" || word === "copy") return [];
  return [word];
}

function mountText(mount: Document): string {
  const type = mount.string("type") || "bind";
  const source = mount.string("source");
  const options = mount.strings("options");
  const fields = [`type=${type}`, `target=${mount.string("destination")}`];
  if (type === "bind") fields.push(`source=${hostPath(source)}`);
  else if (type === "volume" || type === "image") fields.push(`source=${source}`);
  return csvLine([...fields, ...options.flatMap(keyOf)]);
}

function hostPath(path: string): string {
  if (path.startsWith("/")) return path;
  throw new CooperError("invalid-argument", `invalid mount: the source "${path}" is not absolute`);
}

/** Named and anonymous volumes, and paths with an overlay upon them. */
export const volumeRows: readonly Row[] = [
  [
    "volumes",
    "--volume",
    (at, name) =>
      at
        .documents(name)
        .filter(isPlain)
        .map((volume) =>
          [...namesOf(volume), volume.string("Dest"), ...optionsOf(volume, "Options")].join(":"),
        ),
  ],
  [
    "volumes",
    "--mount",
    (at, name) =>
      at
        .documents(name)
        .filter((volume) => !isPlain(volume))
        .map(volumeMountText),
  ],
  [
    "overlay_volumes",
    "--volume",
    (at, name) =>
      at
        .documents(name)
        .map((volume) =>
          [
            hostPath(volume.string("source")),
            volume.string("destination"),
            [...new Set(["O", ...volume.strings("options")])].join(","),
          ].join(":"),
        ),
  ],
];

/** `-v` has no word for a part of a volume, and none for options of a nameless one. */
function isPlain(volume: Document): boolean {
  return (
    volume.string("SubPath") === "" &&
    (volume.string("Name") !== "" || volume.strings("Options").length === 0)
  );
}

function namesOf(volume: Document): string[] {
  const name = volume.string("Name");
  if (name === "") return [];
  if (!volumeName.test(name))
    throw new CooperError("invalid-argument", `"${name}" is no name for a volume`);
  return [name];
}

function volumeMountText(volume: Document): string {
  const subpath = volume.string("SubPath");
  return csvLine([
    "type=volume",
    `target=${volume.string("Dest")}`,
    ...namesOf(volume).map((name) => `source=${name}`),
    ...(subpath === "" ? [] : [`subpath=${subpath}`]),
    ...volume.strings("Options").flatMap(keyOf),
  ]);
}

/** Images as they are mounted. */
export function imageVolumeTexts(at: Document, name: string): string[] {
  return at.documents(name).map((image) => {
    const subpath = image.string("subPath");
    return csvLine([
      "type=image",
      `source=${image.string("Source")}`,
      `target=${image.string("Destination")}`,
      ...(image.boolean("ReadWrite") === true ? ["rw"] : []),
      ...(subpath === "" ? [] : [`subpath=${subpath}`]),
    ]);
  });
}
