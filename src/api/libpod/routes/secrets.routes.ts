/** Routes about secrets. */
import type { Route } from "../../route.ts";

const secrets = () => import("./secrets.ts");

const one = "/secrets/{name}";

export const secretRoutes: readonly Route[] = [
  { method: "GET", path: "/secrets/json", load: async () => (await secrets()).list },
  { method: "POST", path: "/secrets/create", load: async () => (await secrets()).create },
  { method: "GET", path: `${one}/json`, load: async () => (await secrets()).inspect },
  { method: "GET", path: `${one}/exists`, load: async () => (await secrets()).exists },
  { method: "DELETE", path: one, load: async () => (await secrets()).remove },
];
