// The journey with openapi-fetch and the types that openapi-typescript generates.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Form = components["schemas"]["GenerationForm"];

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
  const generate = async (body: Form) => {
    const answer = await client.POST("/api/process_furniture_image/{session_id}", {
      params: { path: { session_id } },
      body,
      bodySerializer: multipart,
    });
    if (answer.error) throw new Error(answer.error.code);
    return answer.data as components["schemas"]["Generation"];
  };
  const made = await generate({ image: asFile(photo), seed: 5, texture: false });
  const again = await generate({ upload: made.filename, remove_background: true });
  const session = { params: { path: { session_id } } };
  const model = { params: { path: { session_id, model: made.model } } };
  const models = await client.GET("/api/session_models/{session_id}", session);
  const uploads = await client.GET("/api/sessions/{session_id}/uploads", session);
  const download = () =>
    client.GET("/sessions/{session_id}/models/{model}", { ...model, parseAs: "arrayBuffer" });
  const bytes = (await download()).data!.byteLength;
  const deleted = await client.DELETE("/api/sessions/{session_id}/models/{model}", model);
  const gone = await download();
  await client.DELETE("/api/sessions/{session_id}", session);
  const end = await client.GET("/api/session_models/{session_id}", session);
  return {
    filenames: [made.filename, again.filename],
    models: models.data!.models,
    uploads: uploads.data!.uploads.map((upload) => upload.filename),
    bytes,
    deleted: deleted.response.status,
    error: gone.error!.code,
    end: end.error!.code,
  };
}
