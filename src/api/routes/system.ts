/** Handlers about the engine: ping, version, info. */
import { release } from "node:os";
import { hostPlatform } from "../../oci/platform.ts";
import { infoForApi, versionDocument } from "../docker/info.ts";
import { json } from "../http/reply.ts";
import { own } from "../ours.ts";
import type { Handler } from "../route.ts";

/** The builder's version makes clients use the classic one. */
export const ping: Handler = async () => ({
  status: 200,
  headers: {
    "Builder-Version": "1",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    Swarm: "inactive",
    "Content-Type": "text/plain; charset=utf-8",
  },
  body: "OK",
});

export const version: Handler = async ({ engine }) =>
  json(
    versionDocument({
      kernel: release(),
      architecture: hostPlatform().architecture,
      isExperimental: await engine.containers.canCheckpoint(),
    }),
  );

export const info: Handler = async ({ engine, request, version }) => {
  const facts = await engine.system.info();
  return json({ ...infoForApi(facts, version), ...own(request, () => facts) });
};
