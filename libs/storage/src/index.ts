export { imageKey, thumbnailKey, type ImageIdentity } from './image-key.js';
export {
  type ByteRange,
  type ImageContent,
  type ImageStorage,
  StorageError,
  type StorageErrorCode,
  type StoredImageInfo,
} from './image-storage.js';
export { openStorage } from './open-storage.js';
export type { S3Credentials } from './s3-storage.js';
export { uploadKey, type UploadIdentity } from './upload-key.js';
