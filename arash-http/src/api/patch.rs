use arash_core::team::Edit;
use poem_openapi::types::MaybeUndefined;

/// What a field of a `PATCH` says: nothing, null or a value.
pub(super) fn edit<T>(field: MaybeUndefined<T>) -> Edit<T> {
    match field {
        MaybeUndefined::Undefined => Edit::Keep,
        MaybeUndefined::Null => Edit::Clear,
        MaybeUndefined::Value(value) => Edit::Set(value),
    }
}
