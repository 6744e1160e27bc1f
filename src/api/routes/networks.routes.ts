/** Routes about networks. */
import type { Route } from "../route.ts";

const networks = () => import("./networks.ts");

export const networkRoutes: readonly Route[] = [
  { method: "GET", path: "/networks", load: async () => (await networks()).list },
  { method: "POST", path: "/networks/create", load: async () => (await networks()).create },
  {
    method: "POST",
    path: "/networks/prune",
    since: 25,
    load: async () => (await networks()).prune,
  },
  { method: "GET", path: "/networks/{id}", load: async () => (await networks()).inspect },
  { method: "DELETE", path: "/networks/{id}", load: async () => (await networks()).remove },
  { method: "POST", path: "/networks/{id}/connect", load: async () => (await networks()).connect },
  {
    method: "POST",
    path: "/networks/{id}/disconnect",
    load: async () => (await networks()).disconnect,
  },
];
