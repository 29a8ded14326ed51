//! Transactions as the store writes them, and what they answer.

use super::keys::end_of;
use crate::r#gen::{
    Compare, DeleteRangeRequest, KeyValue, PutRequest, RangeRequest, RangeResponse, RequestOp, TxnRequest,
    TxnResponse, compare, range_request, request_op, response_op,
};

/// How many keys a page of a longer answer has: with records of some kilobytes it stays near a megabyte.
pub(super) const PAGE: i64 = 500;

/// If every condition holds, `then` is done, otherwise `otherwise`; all of it or nothing.
pub(super) fn txn(conditions: Vec<Compare>, then: Vec<RequestOp>, otherwise: Vec<RequestOp>) -> TxnRequest {
    TxnRequest {
        compare: conditions,
        success: then,
        failure: otherwise,
    }
}

/// Reads, all of one moment.
pub(super) fn reads(operations: Vec<RequestOp>) -> TxnRequest {
    txn(Vec::new(), operations, Vec::new())
}

/// No such key is there.
pub(super) fn absent(key: &str) -> Compare {
    created(key, compare::CompareResult::Equal)
}

pub(super) fn there(key: &str) -> Compare {
    created(key, compare::CompareResult::Greater)
}

/// No key with this prefix is there.
pub(super) fn empty(prefix: &str) -> Compare {
    Compare {
        range_end: end_of(prefix),
        ..absent(prefix)
    }
}

fn created(key: &str, result: compare::CompareResult) -> Compare {
    Compare {
        result: result.into(),
        target: compare::CompareTarget::Create.into(),
        key: key.into(),
        target_union: Some(compare::TargetUnion::CreateRevision(0)),
        range_end: Vec::new(),
    }
}

/// The key is as this revision wrote it.
pub(super) fn at(key: &str, revision: i64) -> Compare {
    Compare {
        result: compare::CompareResult::Equal.into(),
        target: compare::CompareTarget::Mod.into(),
        key: key.into(),
        target_union: Some(compare::TargetUnion::ModRevision(revision)),
        range_end: Vec::new(),
    }
}

pub(super) fn get(key: &str) -> RequestOp {
    range(RangeRequest {
        key: key.into(),
        ..RangeRequest::default()
    })
}

pub(super) fn range(request: RangeRequest) -> RequestOp {
    RequestOp {
        request: Some(request_op::Request::RequestRange(request)),
    }
}

/// Every key that begins so, by key.
pub(super) fn under(prefix: &str) -> RangeRequest {
    RangeRequest {
        key: prefix.into(),
        range_end: end_of(prefix),
        ..RangeRequest::default()
    }
}

/// Of these keys the first of those that were written after a revision, in the order in which they were written.
pub(super) fn written_after(prefix: &str, revision: i64, limit: i64) -> RangeRequest {
    RangeRequest {
        min_mod_revision: revision.saturating_add(1),
        limit,
        sort_order: range_request::SortOrder::Ascend.into(),
        sort_target: range_request::SortTarget::Mod.into(),
        ..under(prefix)
    }
}

pub(super) fn put(key: &str, value: Vec<u8>) -> RequestOp {
    put_leased(key, value, 0)
}

/// A key that goes when its lease goes.
pub(super) fn put_leased(key: &str, value: Vec<u8>, lease: i64) -> RequestOp {
    let request = PutRequest {
        key: key.into(),
        value,
        lease,
    };
    RequestOp {
        request: Some(request_op::Request::RequestPut(request)),
    }
}

pub(super) fn delete(key: &str) -> RequestOp {
    delete_range(key, Vec::new())
}

/// Every key that begins so.
pub(super) fn delete_under(prefix: &str) -> RequestOp {
    delete_range(prefix, end_of(prefix))
}

fn delete_range(key: &str, range_end: Vec<u8>) -> RequestOp {
    let request = DeleteRangeRequest {
        key: key.into(),
        range_end,
    };
    RequestOp {
        request: Some(request_op::Request::RequestDeleteRange(request)),
    }
}

// === impl TxnResponse ===

impl TxnResponse {
    /// The revision at which it was done.
    pub(super) fn revision(&self) -> i64 {
        self.header.as_ref().map_or(0, |header| header.revision)
    }

    /// What the operations found that read, in their order; what the others answer says nothing.
    pub(super) fn found(self) -> impl Iterator<Item = RangeResponse> {
        self.responses
            .into_iter()
            .filter_map(|response| match response.response {
                Some(response_op::Response::ResponseRange(found)) => Some(found),
                _ => None,
            })
    }

    /// The first keys of the operations that read.
    pub(super) fn first_found(self) -> impl Iterator<Item = Option<KeyValue>> {
        self.found().map(|found| found.kvs.into_iter().next())
    }
}
