// The journey with the client that openapi-generator generates with typescript-fetch.
import {
  Configuration,
  GenerationsApi,
  ModelsApi,
  ResponseError,
  SessionsApi,
  UploadsApi,
} from "./generated/index.js";

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ResponseError) return (await error.response.json()).code;
    throw error;
  }
  return "no error";
}

export async function journey(url: string, photo: File) {
  const configuration = new Configuration({ basePath: url });
  const generations = new GenerationsApi(configuration);
  const models = new ModelsApi(configuration);
  const sessions = new SessionsApi(configuration);
  const uploads = new UploadsApi(configuration);
  const { sessionId } = await sessions.generateSessionId();
  // Of an operation's answers it knows the first one only. A 202 has the id all the same.
  const start = async (form: { image?: File; upload?: string; caption?: string; seed?: number }) =>
    (await models.processFurnitureImage({ sessionId, ...form, prefer: "respond-async" }))
      .generationId;
  const follow = async (generationId: string) => {
    for (;;) {
      const state = await generations.describeGeneration({ sessionId, generationId });
      if (state.ended) return state;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  const made = (await follow(await start({ image: photo, seed: 5 }))).result!;
  const again = await models.processFurnitureImage({
    sessionId,
    upload: made.filename,
    removeBackground: true,
  });
  const generationId = await start({ upload: made.filename, caption: "endless" });
  const endless = { sessionId, generationId };
  const cancelled = (await generations.deleteGenerationRaw(endless)).raw.status;
  const all = await generations.listGenerations({ sessionId });
  const model = { sessionId, model: made.model };
  const listed = await models.listModels({ sessionId });
  const described = (await models.describeModels({ sessionId })).models[0];
  const kept = await uploads.listUploads({ sessionId });
  const bytes = (await models.downloadModel(model)).size;
  const stl = { sessionId, model: made.model.replace(".glb", ".stl") };
  const stlBytes = (await models.downloadModel(stl)).size;
  const reason = (await follow(generationId)).error!.code;
  const deleted = (await models.deleteModelRaw(model)).raw.status;
  const error = await codeOf(models.downloadModel(model));
  await sessions.deleteSession({ sessionId });
  return {
    filenames: [made.filename, again.filename],
    models: listed.models,
    triangles: described.triangles,
    uploads: kept.uploads.map((upload) => upload.filename),
    whole: bytes === described.bytes,
    "stl bytes": stlBytes,
    cancelled,
    generations: all.generations.map(({ status }) => status),
    reason,
    deleted,
    error,
    end: await codeOf(models.listModels({ sessionId })),
  };
}
