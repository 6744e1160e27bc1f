/** Routes about the engine. */
import type { Route } from "../../route.ts";

const system = () => import("./system.ts");

export const systemRoutes: readonly Route[] = [
  { method: "GET", path: "/_ping", load: async () => (await system()).ping },
  { method: "HEAD", path: "/_ping", load: async () => (await system()).ping },
  { method: "GET", path: "/version", load: async () => (await system()).version },
  { method: "GET", path: "/info", load: async () => (await system()).info },
];
