/** Routes about images, builds, manifest lists and registries. */
import type { Route } from "../../route.ts";

const read = () => import("./images-read.ts");
const write = () => import("./images-write.ts");
const transfer = () => import("./images-transfer.ts");
const builds = () => import("./build.ts");
const manifests = () => import("./manifests.ts");

const image = "/images/{name*}";
const list = "/manifests/{name*}";

export const imageRoutes: readonly Route[] = [
  { method: "POST", path: "/build", load: async () => (await builds()).build },
  { method: "POST", path: "/local/build", load: async () => (await builds()).buildLocal },
  { method: "GET", path: "/images/json", load: async () => (await read()).list },
  { method: "GET", path: "/images/search", load: async () => (await read()).search },
  { method: "GET", path: "/images/export", load: async () => (await transfer()).exportMany },
  { method: "POST", path: "/images/load", load: async () => (await transfer()).load },
  { method: "POST", path: "/local/images/load", load: async () => (await transfer()).loadLocal },
  { method: "POST", path: "/images/import", load: async () => (await transfer()).importTar },
  { method: "POST", path: "/images/pull", load: async () => (await transfer()).pull },
  { method: "POST", path: "/images/prune", load: async () => (await write()).prune },
  { method: "DELETE", path: "/images/remove", load: async () => (await write()).removeMany },
  {
    method: "POST",
    path: "/images/scp/{name*}",
    load: async () => (await transfer()).copyElsewhere,
  },
  { method: "GET", path: `${image}/json`, load: async () => (await read()).inspect },
  { method: "GET", path: `${image}/exists`, load: async () => (await read()).exists },
  { method: "GET", path: `${image}/history`, load: async () => (await read()).history },
  { method: "GET", path: `${image}/tree`, load: async () => (await read()).tree },
  {
    method: "GET",
    path: `${image}/changes`,
    load: async () => (await import("./changes.ts")).imageChanges,
  },
  { method: "GET", path: `${image}/resolve`, load: async () => (await read()).resolve },
  { method: "GET", path: `${image}/get`, load: async () => (await transfer()).exportOne },
  { method: "POST", path: `${image}/tag`, load: async () => (await write()).tag },
  { method: "POST", path: `${image}/untag`, load: async () => (await write()).untag },
  { method: "POST", path: `${image}/push`, load: async () => (await transfer()).push },
  { method: "DELETE", path: image, load: async () => (await write()).remove },
  {
    method: "POST",
    path: `${list}/registry/{destination*}`,
    load: async () => (await manifests()).push,
  },
  { method: "GET", path: `${list}/exists`, load: async () => (await manifests()).exists },
  { method: "GET", path: `${list}/json`, load: async () => (await manifests()).inspect },
  { method: "POST", path: list, load: async () => (await manifests()).create },
  { method: "PUT", path: list, load: async () => (await manifests()).modify },
  { method: "DELETE", path: list, load: async () => (await manifests()).remove },
];
