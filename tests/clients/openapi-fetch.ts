// The journey with openapi-fetch and the types that openapi-typescript generates.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Form = components["schemas"]["GenerationForm"];
type Generation = components["schemas"]["Generation"];
type State = components["schemas"]["GenerationState"];

// openapi-typescript has `string` for a file.
const asFile = (file: File) => file as unknown as string;

function multipart(form: Form): FormData {
  const data = new FormData();
  for (const [field, value] of Object.entries(form)) data.append(field, value as string | Blob);
  return data;
}

export async function journey(url: string, photo: File) {
  const client = createClient<paths>({ baseUrl: url });
  const created = await client.GET("/api/generate_session_id");
  const session_id = created.data!.session_id;
  const session = { params: { path: { session_id } } };
  const generate = async (body: Form, Prefer?: string) => {
    const answer = await client.POST("/api/process_furniture_image/{session_id}", {
      params: { path: { session_id }, header: { Prefer } },
      body,
      bodySerializer: multipart,
    });
    if (answer.error) throw new Error(answer.error.code);
    return answer.data;
  };
  const start = async (form: Form) => (await generate(form, "respond-async")) as State;
  const one = (state: State) => ({
    params: { path: { session_id, generation_id: state.generation_id } },
  });
  const follow = async (state: State) => {
    const generation = "/api/sessions/{session_id}/generations/{generation_id}";
    const headers = { Accept: "text/event-stream" };
    const events = await client.GET(generation, { ...one(state), headers, parseAs: "text" });
    const ends = events.data!.match(/^event: (complete|error)$/gm);
    return { ends, state: (await client.GET(generation, one(state))).data as State };
  };
  const download = (model: string) =>
    client.GET("/sessions/{session_id}/models/{model}", {
      params: { path: { session_id, model } },
      parseAs: "arrayBuffer",
    });

  const first = await follow(await start({ image: asFile(photo), seed: 5, texture: false }));
  if (first.ends!.join() !== "event: complete") throw new Error(`ended by ${first.ends}`);
  const made = first.state.result!;
  const again = (await generate({ upload: made.filename, remove_background: true })) as Generation;
  const endless = await start({ upload: made.filename, caption: "endless" });
  const generation = "/api/sessions/{session_id}/generations/{generation_id}";
  const cancelled = await client.DELETE(generation, one(endless));
  const generations = await client.GET("/api/sessions/{session_id}/generations", session);
  const models = await client.GET("/api/session_models/{session_id}", session);
  const listed = await client.GET("/api/sessions/{session_id}/models", session);
  const described = listed.data!.models[0];
  const uploads = await client.GET("/api/sessions/{session_id}/uploads", session);
  const bytes = (await download(made.model)).data!.byteLength;
  const stl = (await download(made.model.replace(".glb", ".stl"))).data!.byteLength;
  const reason = (await follow(endless)).state.error!.code;
  const model = { params: { path: { session_id, model: made.model } } };
  const deleted = await client.DELETE("/api/sessions/{session_id}/models/{model}", model);
  const gone = await download(made.model);
  await client.DELETE("/api/sessions/{session_id}", session);
  const end = await client.GET("/api/session_models/{session_id}", session);
  return {
    filenames: [made.filename, again.filename],
    models: models.data!.models,
    triangles: described.triangles,
    uploads: uploads.data!.uploads.map((upload) => upload.filename),
    whole: bytes === described.bytes,
    "stl bytes": stl,
    cancelled: cancelled.response.status,
    generations: generations.data!.generations.map(({ status }) => status),
    reason,
    deleted: deleted.response.status,
    error: gone.error!.code,
    end: end.error!.code,
  };
}
