"""Makes eval-reference.json: what scipy, scikit-learn, pytrec_eval and sentence-transformers' evaluators say of random scores, labels
and vectors. tests/eval/test_eval_reference.c reads it, and prints the largest difference for every metric and tool.

    python eval_reference.py       # writes eval-reference.json beside this file

Made with sentence-transformers 6.2, scikit-learn 1.9, scipy 1.17 and pytrec-eval-terrier 0.5. Everything is computed in double; inputs have
few digits, so that they are the same numbers here and there and some of them are equal. The file:

    vectors    the vector of the text "tI" is vectors[I]; they are float32
    cases      kind: which function of the test computes it; expected: metric, tool, value; the rest: its input
"""

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytrec_eval
import scipy.stats
import sentence_transformers
import sklearn
import sklearn.cluster
import sklearn.linear_model
import sklearn.metrics as skm
import sklearn.neighbors
import torch
from sentence_transformers.sentence_transformer.evaluation import (
    BinaryClassificationEvaluator, EmbeddingSimilarityEvaluator, InformationRetrievalEvaluator, ParaphraseMiningEvaluator,
    RerankingEvaluator, TranslationEvaluator, TripletEvaluator)

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, N_VECTORS = 6, 160
rng = np.random.default_rng(5)
ST, SK, SP, TREC = "sentence-transformers", "scikit-learn", "scipy", "trec_eval (pytrec_eval)"

# 40 topics: vectors of one topic are near each other
topics = rng.normal(size=(40, WIDTH))
topic_of = np.arange(N_VECTORS) % 40
vectors = np.round(topics[topic_of] + 0.7 * rng.normal(size=(N_VECTORS, WIDTH)), 2).astype(np.float32)
vectors[7] = vectors[47]  # two texts of the same vector
cases = []


def case(kind, expected, **inputs):
    cases.append({"kind": kind, **inputs, "expected": [{"metric": m, "tool": t, "value": float(v)} for m, t, v in expected]})


class Model:
    """Stands for a SentenceTransformer: "tI" is vectors[I], in double."""

    similarity_fn_name = "cosine"
    model_card_data = type("Card", (), {"set_evaluation_metrics": lambda *_: None})()

    def encode(self, texts, convert_to_numpy=True, convert_to_tensor=False, **_):
        rows = torch.tensor(np.array([vectors[int(t[1:])] for t in texts], dtype=np.float64))
        if convert_to_tensor:
            return rows
        return rows.numpy() if convert_to_numpy else list(rows)

    encode_query = encode_document = encode

    def similarity(self, a, b):
        return sentence_transformers.util.cos_sim(a, b)


def binary_cases():
    for n, digits, sign in ((200, 2, 1), (120, 6, 1), (150, 1, -1), (40, 1, 1)):
        labels = (rng.random(n) < 0.35).astype(int)
        scores = sign * np.round(np.abs(rng.normal(size=n) + 0.8 * labels * sign), digits)
        f = BinaryClassificationEvaluator
        accuracy, at = f.find_best_acc_and_threshold(scores, labels, True)
        f1, precision, recall, f1_at = f.find_best_f1_and_threshold(scores, labels, True)
        case("binary", [("accuracy, best", ST, accuracy), ("accuracy_threshold", ST, at), ("F1, best", ST, f1),
                        ("f1_threshold", ST, f1_at), ("precision at best F1", ST, precision), ("recall at best F1", ST, recall),
                        ("MCC", SK, skm.matthews_corrcoef(labels, scores >= f1_at)),
                        ("average precision", SK, skm.average_precision_score(labels, scores))],
             scores=scores.tolist(), labels=labels.tolist())


def ranking_cases():
    for q in range(12):
        n = 30 + 5 * q
        grades = rng.choice([0, 0, 0, 1, 2, 3], size=n)
        grades[0] = 1
        scores = rng.permutation(n) / 16  # no ties
        qrel = {"q": {f"d{i}": int(g) for i, g in enumerate(grades)}}
        run = {"q": {f"d{i}": float(s) for i, s in enumerate(scores)}}
        measures = {"ndcg_cut.10", "ndcg_cut.100", "map_cut.10", "map_cut.100", "recip_rank", "P.5", "recall.10", "success.5"}
        r = pytrec_eval.RelevanceEvaluator(qrel, measures).evaluate(run)["q"]
        binary = [(grades > 0).astype(int)]
        case("ranking", [("nDCG@10, linear gain", TREC, r["ndcg_cut_10"]), ("nDCG@100, linear gain", TREC, r["ndcg_cut_100"]),
                         ("MAP@10, all relevant", TREC, r["map_cut_10"]), ("MAP@100, all relevant", TREC, r["map_cut_100"]),
                         ("MRR", TREC, r["recip_rank"]), ("precision@5", TREC, r["P_5"]), ("recall@10", TREC, r["recall_10"]),
                         ("accuracy@5", TREC, r["success_5"]),
                         ("nDCG@10, binary gain", SK, skm.ndcg_score(binary, [scores], k=10)),
                         ("nDCG@10, exponential gain", SK, skm.ndcg_score([2.0**grades - 1], [scores], k=10))],
             scores=scores.tolist(), grades=grades.tolist())
        tied = np.round(scores)
        case("tied ranking", [("nDCG@10, ties shared", SK, skm.ndcg_score(binary, [tied], k=10)),
                              ("average precision", SK, skm.average_precision_score(binary[0], tied))],
             scores=tied.tolist(), grades=grades.tolist())


def correlation_cases():
    for digits in (6, 1, 0):
        x = np.round(rng.normal(size=150), digits)
        y = np.round(0.6 * x + rng.normal(size=150), digits)
        case("correlation", [("Pearson", SP, scipy.stats.pearsonr(x, y)[0]), ("Spearman", SP, scipy.stats.spearmanr(x, y)[0])],
             x=x.tolist(), y=y.tolist())


def class_cases():
    for n, k in ((200, 7), (60, 20), (50, 2)):
        gold = rng.integers(0, k, size=n)
        predicted = np.where(rng.random(n) < 0.6, gold, rng.integers(0, k, size=n))
        few = {"average": "weighted", "zero_division": 0}
        case("classes", [("accuracy", SK, skm.accuracy_score(gold, predicted)),
                         ("F1, macro", SK, skm.f1_score(gold, predicted, average="macro")),
                         ("F1, weighted", SK, skm.f1_score(gold, predicted, average="weighted")),
                         ("precision, weighted", SK, skm.precision_score(gold, predicted, **few)),
                         ("recall, weighted", SK, skm.recall_score(gold, predicted, **few))],
             gold=gold.tolist(), predicted=predicted.tolist())
        h, c, v = skm.homogeneity_completeness_v_measure(gold, predicted)
        purity = sum(np.bincount(gold[predicted == j]).max() for j in np.unique(predicted)) / n
        case("partition", [("homogeneity", SK, h), ("completeness", SK, c), ("V-measure", SK, v),
                           ("NMI, arithmetic", SK, skm.normalized_mutual_info_score(gold, predicted)),
                           ("adjusted Rand", SK, skm.adjusted_rand_score(gold, predicted)), ("purity", "numpy", purity)],
             gold=gold.tolist(), predicted=predicted.tolist())


def model_cases():
    for k in (2, 3, 5):
        x, y = vectors, topic_of % k
        # Newton's method, to the last digits
        m = sklearn.linear_model.LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(x[:120].astype(float), y[:120])
        expected = [(f"logistic regression, weights and intercepts ({'binary' if k == 2 else 'multinomial'})", SK, v)
                    for row, b in zip(m.coef_, m.intercept_) for v in [*row, b]]
        case("logistic", expected, classes=y[:120].tolist(), n_classes=k, rows=len(m.coef_))
    for k in (3, 6):
        rows = np.flatnonzero(topic_of < k)
        m = sklearn.cluster.KMeans(k, n_init=50, tol=0, max_iter=1000, random_state=0).fit(vectors[rows].astype(float))
        case("kmeans", [("k-means, best sum of squares of 50 starts", SK, m.inertia_)], n_clusters=k, rows=rows.tolist())


def jsonl(rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def evaluator(kind, tool, rows, results, options=None, files=None):
    case("evaluator", [(f"{kind}: {key}", tool, v) for key, v in results.items()], type=kind, text=jsonl(rows),
         options=options or {}, files=files or {})


def t(i):
    return f"t{int(i)}"


def evaluator_cases():
    model, n = Model(), N_VECTORS
    names = ["cosine", "dot", "euclidean", "manhattan"]
    a, b = rng.integers(0, n, size=(2, 120))
    b = np.where(rng.random(120) < 0.4, (a + 40) % n, b)
    labels = (topic_of[a] == topic_of[b]).astype(int)
    e = BinaryClassificationEvaluator([t(i) for i in a], [t(i) for i in b], labels.tolist(), name="x", similarity_fn_names=names)
    r = {k[2:]: v for k, v in e(model).items() if "max" not in k}
    evaluator("pair_classification", ST, [{"sentence1": t(i), "sentence2": t(j), "label": int(l)} for i, j, l in zip(a, b, labels)],
              r, {"similarity": names})
    equal_texts_case()
    scores = np.round(labels + 0.5 * rng.normal(size=120), 1)
    e = EmbeddingSimilarityEvaluator([t(i) for i in a], [t(i) for i in b], scores.tolist(), name="x", similarity_fn_names=names)
    evaluator("sts", ST, [{"sentence1": t(i), "sentence2": t(j), "score": s} for i, j, s in zip(a, b, scores)],
              {k[2:]: v for k, v in e(model).items() if "max" not in k})
    c = rng.integers(0, n, size=120)
    e = TripletEvaluator([t(i) for i in a], [t((i + 80) % n) for i in a], [t(i) for i in c], name="x", similarity_fn_names=names)
    evaluator("triplet", ST, [{"anchor": t(i), "positive": t((i + 80) % n), "negative": t(j)} for i, j in zip(a, c)],
              {k[2:]: round(v * 120) / 120 for k, v in e(model).items() if "max" not in k})  # its mean is a float32
    samples = []
    for i in range(0, 60, 2):
        samples.append({"query": t(i), "positive": [t(i + 40), t(i + 80)][: 1 + i % 4 // 2],
                        "negative": [t(j) for j in rng.choice(n, size=8 + i % 7, replace=False) if topic_of[j] != topic_of[i]]})
    e = RerankingEvaluator(samples, at_k=5, name="x")
    evaluator("reranking", ST, samples, {k[2:]: v for k, v in e(model).items()}, {"at": 5})
    mined = [i for i in range(n) if i not in (7, 47)]  # ties are broken by rounding there
    pairs = [(i, j) for i in mined for j in mined if i < j and topic_of[i] == topic_of[j] and rng.random() < 0.8]
    for transitive in (False, True):
        e = ParaphraseMiningEvaluator({str(i): t(i) for i in mined}, [(str(i), str(j)) for i, j in pairs], name="x", top_k=20,
                                      max_pairs=2000, add_transitive_closure=transitive)
        evaluator("paraphrase_mining", ST, [{"id": i, "text": t(i)} for i in mined], {k[2:]: v for k, v in e(model).items()},
                  {"top_k": 20, "max_pairs": 2000, "transitive": transitive},
                  {"duplicates": jsonl({"id1": i, "id2": str(j)} for i, j in pairs)})
    source, target = list(range(0, 100)), list(range(40, 140))
    e = TranslationEvaluator([t(i) for i in source], [t(i) for i in target], name="x", show_progress_bar=False)
    r = {k[2:]: v for k, v in e(model).items()}
    cosines = sentence_transformers.util.cos_sim(model.encode([t(i) for i in source]), model.encode([t(i) for i in target])).numpy()
    nearest, few = cosines.argmax(1), {"average": "weighted", "zero_division": 0}
    rows = [{"sentence1": t(i), "sentence2": t(j)} for i, j in zip(source, target)]
    evaluator("bitext_mining", ST, rows, r)
    evaluator("bitext_mining", "mteb's formula (scikit-learn)", rows,
              {"f1": skm.f1_score(range(100), nearest, **few), "precision": skm.precision_score(range(100), nearest, **few),
               "recall": skm.recall_score(range(100), nearest, **few)})
    for k, method in ((2, "logistic"), (4, "logistic"), (4, "neighbours")):
        y, x = topic_of % k, vectors.astype(float)
        if method == "logistic":
            m = sklearn.linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=100000).fit(x[:100], y[:100])
        else:
            unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
            x = unit(x)
            m = sklearn.neighbors.KNeighborsClassifier(5).fit(x[:100], y[:100])
        p = m.predict(x[100:])
        r = {"accuracy": skm.accuracy_score(y[100:], p), "f1_macro": skm.f1_score(y[100:], p, average="macro"),
             "f1_weighted": skm.f1_score(y[100:], p, average="weighted")}
        if k == 2:
            r["ap"] = skm.average_precision_score(y[100:], m.decision_function(x[100:]))
        evaluator("classification", SK, [{"text": t(i), "label": int(y[i])} for i in range(100, n)], r, {"method": method},
                  {"train": jsonl({"text": t(i), "label": int(y[i])} for i in range(100))})
    retrieval_case(model)


def equal_texts_case():
    """Half of the pairs are a text with itself: one group of ties. sentence-transformers' own similarities part them by rounding
    (x/|x| . x/|x| is not 1), so its threshold rules and scikit-learn's AP get similarities in which equal texts are equally near."""
    choice = np.random.default_rng(11)
    i = choice.integers(0, N_VECTORS, size=90)
    j = np.where(choice.random(90) < 0.5, i, choice.integers(0, N_VECTORS, size=90))
    labels = (choice.random(90) < np.where(i == j, 0.7, 0.3)).astype(int)
    x, y = vectors[i].astype(np.float64), vectors[j].astype(np.float64)
    cosine = (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))  # exactly 1 for equal ones
    similarities = {"cosine": cosine, "euclidean": -np.linalg.norm(x - y, axis=1), "manhattan": -np.abs(x - y).sum(1)}
    f, results = BinaryClassificationEvaluator, {}
    for name, s in similarities.items():
        accuracy, at = f.find_best_acc_and_threshold(s, labels, True)
        f1, precision, recall, f1_at = f.find_best_f1_and_threshold(s, labels, True)
        sign = 1 if name == "cosine" else -1  # thresholds of distances
        results |= {f"{name}_accuracy": accuracy, f"{name}_accuracy_threshold": sign * at, f"{name}_f1": f1, f"{name}_f1_threshold": sign * f1_at,
                    f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_ap": skm.average_precision_score(labels, s),
                    f"{name}_mcc": skm.matthews_corrcoef(labels, s >= f1_at)}
    evaluator("pair_classification", ST + ", equal texts tied", [{"sentence1": t(a), "sentence2": t(b), "label": int(l)} for a, b, l in zip(i, j, labels)],
              results, {"similarity": list(similarities)})


def retrieval_case(model):
    n = N_VECTORS
    relevant = {f"q{i}": {f"d{j}" for j in range(40, n) if topic_of[i] == topic_of[j]} for i in range(40)}
    documents = {f"d{j}": t(j) for j in range(40, n)}
    e = InformationRetrievalEvaluator({f"q{i}": t(i) for i in range(40)}, documents, relevant, name="x", precision_recall_at_k=[1, 3, 5, 10])
    evaluator("retrieval", ST, [], {k[2:]: v for k, v in e(model).items()}, {"precision_recall_at": [1, 3, 5, 10]}, {
        "corpus.jsonl": jsonl({"_id": k, "text": v} for k, v in documents.items()),
        "queries.jsonl": jsonl({"_id": f"q{i}", "text": t(i)} for i in range(40)),
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t1\n" for q in relevant for d in sorted(relevant[q]))})


def main():
    binary_cases()
    ranking_cases()
    correlation_cases()
    class_cases()
    model_cases()
    evaluator_cases()
    path = os.path.join(HERE, "eval-reference.json")
    with open(path, "w") as f:
        json.dump({"vectors": [[float(str(v)) for v in row] for row in vectors], "cases": cases}, f, separators=(",", ":"))
        f.write("\n")
    print(path, os.path.getsize(path), "bytes,", sum(len(c["expected"]) for c in cases), "numbers")


main()
