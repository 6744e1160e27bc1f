/**
 * `auto-update`: containers whose label `io.containers.autoupdate` asks for it are made anew when their
 * image has changed: at its registry, or in the store. A container that a systemd unit makes is left to
 * that unit.
 */
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { imageForContainer } from "../image/for-container.ts";
import { findNamedImage } from "../image/resolve.ts";
import { listContainers } from "../records/containers.ts";
import { setReference } from "../records/images.ts";
import type { AccessOptions } from "../registry/access.ts";
import { restartUnit } from "../system/systemd.ts";
import { isAlive } from "./live-state.ts";
import { labelsOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";
import { finishRecreations, recreateContainer } from "./recreate.ts";

export interface AutoUpdateOptions extends AccessOptions {
  /** Only tell what would be done. */
  readonly isDry: boolean;
  /** What does not start, or is not healthy then, is taken back. */
  readonly rollsBack: boolean;
}

/** What became of one container (podman-auto-update(1), "UPDATED"). */
export interface AutoUpdate {
  readonly container: ContainerRecord;
  readonly unit: string;
  readonly policy: "registry" | "local";
  readonly updated: "true" | "false" | "pending" | "rolled back" | "failed";
  /** Why it failed or was taken back. */
  readonly why: string | undefined;
}

const policyLabel = "io.containers.autoupdate";

/** All that run and ask for it, oldest first; those of one image are looked up once. */
export async function autoUpdate(host: Host, options: AutoUpdateOptions): Promise<AutoUpdate[]> {
  if (!options.isDry) await finishRecreations(host);
  const results: AutoUpdate[] = [];
  const news = new Map<string, Promise<boolean>>();
  for (const container of listContainers(host.database)) {
    if (!isAlive(container)) continue;
    const labels = labelsOf(container.spec, container.resolved.imageConfig);
    const policy = policyOf(container, labels[policyLabel] ?? "");
    if (policy === null) continue;
    const unit = labels.PODMAN_SYSTEMD_UNIT ?? "";
    const authFile = labels[`${policyLabel}.authfile`];
    const access = { ...options, ...(authFile !== undefined && { authFile }) };
    const base = { container, unit, policy };
    try {
      const { updated, why } = await updateOne(host, base, access, news);
      results.push({ ...base, updated, why });
    } catch (error) {
      results.push({ ...base, updated: "failed", why: messageOf(error) });
    }
  }
  return results;
}

function policyOf({ name }: ContainerRecord, text: string): AutoUpdate["policy"] | null {
  switch (text) {
    case "":
    case "disabled":
      return null;
    case "image":
    case "registry":
      return "registry";
    case "local":
      return "local";
    default:
      throw new CooperError(
        "invalid-argument",
        `container ${name}: the label ${policyLabel} is "${text}"`,
        { hint: "registry, local or disabled" },
      );
  }
}

type Candidate = Pick<AutoUpdate, "container" | "unit" | "policy">;

async function updateOne(
  host: Host,
  { container, unit, policy }: Candidate,
  options: AutoUpdateOptions,
  news: Map<string, Promise<boolean>>,
): Promise<Pick<AutoUpdate, "updated" | "why">> {
  const { imageName } = container.resolved;
  const named = findNamedImage(host, imageName)?.image.id;
  let isNew = named !== undefined && named !== container.imageId;
  if (policy === "registry") {
    const asked = news.get(imageName) ?? isNewAtRegistry(host, container, named ?? null, options);
    news.set(imageName, asked);
    isNew = (await asked) || isNew;
  }
  if (!isNew) return { updated: "false", why: undefined };
  if (options.isDry) return { updated: "pending", why: undefined };
  const image = await imageForContainer(
    host,
    imageName,
    { pull: policy === "registry" ? "newer" : "never", platform: container.spec.platform },
    { ...options, isQuiet: true },
  );
  const { rollsBack } = options;
  if (unit !== "") return restartByUnit(host, container, unit, rollsBack);
  const why = await recreateContainer(host, container, image, { rollsBack });
  if (why !== undefined && rollsBack) nameBefore(host, container);
  return { updated: why === undefined ? "true" : rollsBack ? "rolled back" : "failed", why };
}

/** The unit makes its container anew when it is started again, of what its image's name then means. */
async function restartByUnit(
  host: Host,
  container: ContainerRecord,
  unit: string,
  rollsBack: boolean,
): Promise<Pick<AutoUpdate, "updated" | "why">> {
  const why = await restartUnit(unit, host.isRootless);
  if (why === "") return { updated: "true", why: undefined };
  if (!rollsBack) return { updated: "failed", why };
  nameBefore(host, container);
  const again = await restartUnit(unit, host.isRootless);
  return again === "" ? { updated: "rolled back", why } : { updated: "failed", why: again };
}

/** The image's name leads to what the container was made of, as before. */
function nameBefore(host: Host, { imageId, resolved }: ContainerRecord): void {
  if (imageId !== null && findNamedImage(host, imageId) !== undefined)
    setReference(host.database, resolved.imageName, imageId);
}

/** Whether the registry has another image under that name than is here. */
async function isNewAtRegistry(
  host: Host,
  { spec, resolved: { imageName } }: ContainerRecord,
  named: string | null,
  access: AccessOptions,
): Promise<boolean> {
  if (imageName.startsWith("localhost/") && named !== null) {
    throw new CooperError("invalid-argument", `the image ${imageName} is at no registry`, {
      hint: `use the label ${policyLabel}=local`,
    });
  }
  const { imageIdAtRegistry } = await import("../image/at-registry.ts");
  const known = await imageIdAtRegistry(host, imageName, spec.platform, access);
  return known === undefined || known !== named;
}
