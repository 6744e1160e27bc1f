/** Handlers about the engine: ping, version, info. */
import { release } from "node:os";
import { hostPlatform } from "../../../oci/platform.ts";
import { json } from "../../http/reply.ts";
import type { Handler } from "../../route.ts";
import { libpodVersionDocument, podmanInfo } from "../info.ts";

export const ping: Handler = async () => ({
  status: 200,
  headers: {
    "Cache-Control": "no-cache",
    Pragma: "no-cache",
    "Content-Type": "text/plain; charset=utf-8",
  },
  body: "OK",
});

export const version: Handler = async () =>
  json(libpodVersionDocument({ kernel: release(), architecture: hostPlatform().architecture }));

export const info: Handler = async ({ engine }) => json(podmanInfo(await engine.system.info()));
