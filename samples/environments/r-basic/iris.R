library(mlr3)

learner <- lrn("classif.rpart")
result <- resample(tsk("iris"), learner, rsmp("cv"))
print(result$aggregate(msrs(c("classif.acc", "classif.ce"))))
