/** `image tree`: the layers of an image, and which images end where. */
import { humanSize } from "../cli/human.ts";
import type { Host } from "../host.ts";
import type { Image } from "../records/images.ts";
import { listImages } from "../records/images.ts";
import { layersOfImage } from "../records/layers.ts";
import { resolveImage } from "./resolve.ts";

/** A layer in the tree. */
interface TreeLayer {
  readonly id: string;
  readonly size: number;
  /** Names of images whose last layer it is, on the same layers below. */
  readonly topOf: readonly string[];
  /** Images that go on above it (`--whatrequires`). */
  readonly children: readonly TreeLayer[];
}

interface ImageTree {
  readonly image: Image;
  /** Lowest first, one below the other. */
  readonly layers: readonly TreeLayer[];
}

/** The layers of an image; with `whatRequires`, the last one has the images that are built on it as children. */
function imageTree(
  host: Host,
  name: string,
  options: { readonly whatRequires?: boolean } = {},
): ImageTree {
  const image = resolveImage(host, name);
  const all = listImages(host.database);
  const layers = layersOfImage(host.database, image.id).map((layer, index, list): TreeLayer => {
    const below = image.layers.slice(0, index + 1);
    const isLast = index === list.length - 1;
    return {
      id: layer.id,
      size: layer.size,
      topOf: namesOfTop(all, below),
      children: isLast && options.whatRequires === true ? above(host, all, below) : [],
    };
  });
  return { image, layers };
}

const startsWith = (image: Image, below: readonly string[]) =>
  below.every((id, index) => image.layers[index] === id);

function namesOfTop(all: readonly Image[], stack: readonly string[]): string[] {
  return all
    .filter((image) => image.layers.length === stack.length && startsWith(image, stack))
    .flatMap((image) => image.names);
}

/** What other images have on top of a stack: each next layer once. */
function above(host: Host, all: readonly Image[], stack: readonly string[]): TreeLayer[] {
  const higher = all.filter(
    (image) => image.layers.length > stack.length && startsWith(image, stack),
  );
  const next = new Map(higher.map((image) => [image.layers[stack.length] ?? "", image]));
  return [...next].map(([id, image]) => {
    const size = layersOfImage(host.database, image.id)[stack.length]?.size ?? 0;
    const below = [...stack, id];
    return { id, size, topOf: namesOfTop(higher, below), children: above(host, higher, below) };
  });
}

/** As podman-image-tree(1) draws it, with the line's end. */
export function imageTreeText(
  host: Host,
  name: string,
  options: { readonly whatRequires?: boolean } = {},
): string {
  const { image, layers } = imageTree(host, name, options);
  const head = [
    `Image ID: ${image.id.slice(0, 12)}`,
    `Tags:     [${image.names.join(" ")}]`,
    `Size:     ${humanSize(image.size)}`,
    "Image Layers",
  ];
  return `${[...head, ...treeLines(layers, "")].join("\n")}\n`;
}

function treeLines(layers: readonly TreeLayer[], indent: string): string[] {
  return layers.flatMap((layer, index) => {
    const isLast = index === layers.length - 1;
    const top = layer.topOf.length > 0 ? ` Top Layer of: [${layer.topOf.join(" ")}]` : "";
    return [
      `${indent}${isLast ? "└── " : "├── "}ID: ${layer.id.slice(0, 12)} Size: ${humanSize(layer.size).padStart(7)}${top}`,
      ...treeLines(layer.children, `${indent}${isLast ? "    " : "│   "}`),
    ];
  });
}
