/** `create` at an engine elsewhere: what its API cannot carry is refused before anything happens. */
import { bodyOf } from "../api/docker/body.ts";
import { lostFields } from "../api/docker/carried.ts";
import { hex, object, texts } from "../api/docker/reading.ts";
import type { CreateOptions } from "../container/create.ts";
import { createOptions } from "../container/options/table.ts";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import { formatPlatform } from "../oci/platform.ts";
import { openNewFile } from "../system/new-file.ts";
import type { Client } from "./client.ts";
import { pullElsewhere } from "./pull.ts";
import { warn } from "./warn.ts";

/** Resolves to its id. */
export async function createElsewhere(
  client: Client,
  spec: ContainerSpec,
  options: CreateOptions,
): Promise<{ id: string }> {
  assertCarried(client, spec, options);
  // it must be new: that is found out before anything is made
  using file = options.cidFile === null ? undefined : openNewFile(options.cidFile);
  if (options.replaces && spec.name !== null) await removeBefore(client, spec.name);
  if (spec.pull === "always" || spec.pull === "newer") await pullElsewhere(client, spec, options);
  let made: unknown;
  try {
    made = await post(client, spec);
  } catch (error) {
    const isMissing = error instanceof CooperError && error.code === "no-such-image";
    if (!isMissing || spec.pull === "never") throw error;
    await pullElsewhere(client, spec, options);
    made = await post(client, spec);
  }
  const document = object(made);
  for (const warning of texts(document.Warnings)) warn(warning);
  const id = hex(document.Id);
  if (id === "") throw new CooperError("hostile", "the engine gives the container no id");
  if (file !== undefined) {
    (await import("node:fs")).writeSync(file.descriptor, id);
    file.commit();
  }
  return { id };
}

function post(client: Client, spec: ContainerSpec): Promise<unknown> {
  const { platform } = spec;
  const isChosen = Object.values(platform).some((value) => value !== null);
  const query = {
    name: spec.name,
    platform: isChosen
      ? formatPlatform({
          os: platform.os ?? "linux",
          architecture: platform.architecture ?? "",
          variant: platform.variant ?? "",
        }).replace(/\/$/, "")
      : null,
  };
  return client.json("POST", "/containers/create", { query, json: bodyOf(spec) });
}

async function removeBefore(client: Client, name: string): Promise<void> {
  try {
    const query = { force: true, v: true };
    await client.act("DELETE", `/containers/${encodeURIComponent(name)}`, { query });
  } catch (error) {
    if (!(error instanceof CooperError) || error.code !== "no-such-container") throw error;
  }
}

function assertCarried(
  client: Client,
  spec: ContainerSpec,
  { createCommand }: CreateOptions,
): void {
  if (spec.rootfs !== null)
    throw new CooperError("not-supported", "--rootfs names a directory of this machine", {
      hint: "it works without another engine alone",
    });
  const lost = lostFields(spec);
  if (lost.length === 0) return;
  // the words that were typed say it best
  const words = createCommand.map((word) => word.split("=", 1)[0] ?? "");
  const typed = createOptions
    .filter(({ flag, api, aliases = [] }) => {
      return api === undefined && [flag, ...aliases].some((spelling) => words.includes(spelling));
    })
    .map(({ flag }) => flag);
  const what = typed.length > 0 ? typed.join(", ") : lost.join(", ");
  throw new CooperError(
    "not-supported",
    `${what}: Docker's API has no words for that, so it cannot be asked of ${client.target.url}`,
    { hint: "it works on the engine of the machine itself" },
  );
}
