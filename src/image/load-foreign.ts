/** Single images out of another engine on this machine: `containers-storage:` and `docker-daemon:`. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { isDigest } from "../oci/digest.ts";
import { dockerReference, type ImageLocation } from "../oci/location.ts";
import { anyPlatform } from "../oci/platform.ts";
import { atRegistry, formatReference, parseName, withDefaultTag } from "../oci/reference.ts";
import { openTarArchive } from "./archive.ts";
import { dockerImageArchive, isDockerRunning } from "./docker-daemon.ts";
import { openDockerStore } from "./docker-store.ts";
import { dockerPlace, dockerSocket, podmanPlace } from "./foreign-places.ts";
import { type ForeignStore, findForeignImage } from "./foreign-store.ts";
import { imagesOf } from "./load.ts";
import type { ImagePlan } from "./load-plan.ts";
import { openPodmanStore } from "./podman-store.ts";
import { spooled } from "./spool.ts";
import type { Stage } from "./stage.ts";
import { daemonOrigin, type Origin } from "./trust/origin.ts";

type Foreign = Extract<ImageLocation, { kind: "containers-storage" | "docker-daemon" }>;

/** Plans, and what must be let go of when they are done. */
export interface OpenedImages extends Disposable {
  readonly plans: readonly ImagePlan[];
  readonly origin: Origin;
}

/** Finds the image; a running Docker is asked, the stores of others are read in place. */
export async function openForeign(
  host: Host,
  location: Foreign,
  stage: Stage,
  signal?: AbortSignal,
): Promise<OpenedImages> {
  if (location.kind === "containers-storage") {
    const place = location.store ?? podmanPlace(process.env, host.isRootless);
    const root = "graphRoot" in place ? place.graphRoot : place.root;
    return imageOfStore(openPodmanStore(root, place.driver), location.image);
  }
  const socket = dockerSocket(process.env, host.isRootless);
  if (await isDockerRunning(socket)) return imageOfDaemon(socket, location.image, stage, signal);
  const { root } = dockerPlace(process.env, host.isRootless);
  try {
    return imageOfStore(openDockerStore(root), location.image);
  } catch (error) {
    if (!(error instanceof CooperError) || error.code !== "no-such-object") throw error;
    throw new CooperError(
      "no-such-object",
      `no Docker answers at ${socket}, and ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

function imageOfStore(store: ForeignStore, text: string): OpenedImages {
  const { wanted, id, suffix } = spellings(text);
  const found = findForeignImage(store.images(), wanted, id, suffix);
  if (found === undefined)
    throw new CooperError(
      "no-such-image",
      `the store of ${store.engine} at ${store.root} has no image ${text}`,
    );
  const { name, image } = found;
  const opened = image.open();
  const names = name === null ? [] : [name];
  return {
    plans: [{ ...opened.plan, names }],
    origin: store.origin,
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** What an image may be called: as Docker reads it, as Podman tags what is made here, or by its id. */
function spellings(text: string): { wanted: string[]; id: string | null; suffix: string | null } {
  const hex = text.replace(/^@|^sha256:/, "");
  const id = /^[0-9a-f]{2,64}$/.test(hex) ? hex : null;
  if (text.startsWith("@") || isDigest(text)) return { wanted: [], id, suffix: null };
  // name@ID: the id alone tells
  const byId = /^(.+)@([0-9a-f]{64})$/.exec(text);
  if (byId !== null) return { wanted: [], id: byId[2] ?? null, suffix: null };
  const parsed = withDefaultTag(parseName(text));
  const own = parsed.registry === null ? [formatReference(atRegistry(parsed, "localhost"))] : [];
  const suffix =
    parsed.registry === null && parsed.tag !== null ? `${parsed.repository}:${parsed.tag}` : null;
  return { wanted: [...own, formatReference(dockerReference(text))], id, suffix };
}

async function imageOfDaemon(
  socket: string,
  image: string,
  stage: Stage,
  signal: AbortSignal | undefined,
): Promise<OpenedImages> {
  const name = `docker-daemon:${image}`;
  const chunks = dockerImageArchive(socket, image, signal);
  const archive = openTarArchive(await spooled(chunks, name, stage), name);
  try {
    const { plans } = imagesOf(archive, anyPlatform);
    return { plans, origin: daemonOrigin, [Symbol.dispose]: () => archive[Symbol.dispose]() };
  } catch (error) {
    archive[Symbol.dispose]();
    throw error;
  }
}
