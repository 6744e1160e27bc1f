/** `image sbom`: what software an image holds. */
import type { Host } from "../../host.ts";
import { openView } from "../../layer/overlay-view.ts";
import { version } from "../../version.ts";
import { layerStack, resolveImage } from "../resolve.ts";
import { openStage } from "../stage.ts";
import { cycloneDxDocument, spdxDocument } from "./documents.ts";
import { findPackages, type Inventory } from "./find.ts";

/** The packages of an image, and the two documents that tell of them. */
export interface Sbom {
  readonly inventory: Inventory;
  readonly spdx: object;
  readonly cycloneDx: object;
}

/** Looks through the whole tree of an image. The documents are the same for the same image. */
export async function imageSbom(host: Host, name: string): Promise<Sbom> {
  using _lock = await host.locks.store("shared"); // nobody sweeps layers meanwhile
  const image = resolveImage(host, name);
  using stage = await openStage(host);
  using tree = openView(layerStack(host, image), stage.next("view"));
  const inventory = findPackages(tree);
  const subject = {
    name: image.names[0] ?? image.id,
    digest: `sha256:${image.id}`,
    createdAt: image.createdAt,
    toolVersion: version,
  };
  return {
    inventory,
    spdx: spdxDocument(inventory, subject),
    cycloneDx: cycloneDxDocument(inventory, subject),
  };
}
