// The journey with the client that openapi-generator generates with typescript-fetch.
import {
  Configuration,
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
  const models = new ModelsApi(configuration);
  const sessions = new SessionsApi(configuration);
  const uploads = new UploadsApi(configuration);
  const { sessionId } = await sessions.generateSessionId();
  const made = await models.processFurnitureImage({
    sessionId,
    image: photo,
    seed: 5,
    texture: false,
  });
  const again = await models.processFurnitureImage({
    sessionId,
    upload: made.filename,
    removeBackground: true,
  });
  const model = { sessionId, model: made.model };
  const listed = await models.listModels({ sessionId });
  const kept = await uploads.listUploads({ sessionId });
  const bytes = (await models.downloadModel(model)).size;
  const deleted = (await models.deleteModelRaw(model)).raw.status;
  const error = await codeOf(models.downloadModel(model));
  await sessions.deleteSession({ sessionId });
  return {
    filenames: [made.filename, again.filename],
    models: listed.models,
    uploads: kept.uploads.map((upload) => upload.filename),
    bytes,
    deleted,
    error,
    end: await codeOf(models.listModels({ sessionId })),
  };
}
